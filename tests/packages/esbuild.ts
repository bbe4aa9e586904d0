export { build, stop } from "npm:esbuild@0.28.2";
