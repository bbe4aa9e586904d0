export { dts } from "npm:rollup-plugin-dts@6.5.1";
