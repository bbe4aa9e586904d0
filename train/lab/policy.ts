/**
 * What the page may load and ask for.
 *
 * @module
 */

/** The hub, and the hosts that it sends those who ask for large files to. */
const hubHosts = ["https://huggingface.co", "https://*.huggingface.co", "https://*.hf.co"];

/** The page's Content-Security-Policy: its own files, and models of the hub. */
export const contentPolicy: string = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  `connect-src 'self' ${hubHosts.join(" ")}`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
