/** @module */
export { ShapeError } from "../core/errors.ts";
