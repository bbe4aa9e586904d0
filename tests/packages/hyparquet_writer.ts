export { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";
