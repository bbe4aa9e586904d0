export { rollup } from "npm:rollup@4.60.1";
