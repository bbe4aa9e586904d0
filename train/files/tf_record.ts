/**
 * Records of TensorFlow's TFRecord format: each with its length and checksums, one after another.
 *
 * @module
 */

/** CRC-32C of a byte, by its value: Castagnoli's polynomial, its bits reversed. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1;
  return rest;
});

/** CRC-32C of bytes, as RFC 3720 (appendix B.4) has it. */
export function crc32c(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) rest = (rest >>> 8) ^ table[(rest ^ byte) & 0xff]!;
  return ~rest >>> 0;
}

/** The checksum as a record holds it: turned and moved, as that of a checksum would be no test. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return ((crc >>> 15 | crc << 17) + 0xa282ead8) >>> 0;
}

/**
 * A record: length (8 bytes), its checksum (4), the content, its checksum (4); all little-endian.
 *
 * Source: "TFRecord and tf.train.Example", https://www.tensorflow.org/tutorials/load_data/tfrecord
 */
export function tfRecord(content: Uint8Array): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(content.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(content.length), true);
  view.setUint32(8, masked(record.subarray(0, 8)), true);
  record.set(content, 12);
  view.setUint32(12 + content.length, masked(content), true);
  return record;
}
