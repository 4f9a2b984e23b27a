// Convert PCM16 mono at 24 kHz, the audio format of the connection.

/** @typedef {Int16Array<ArrayBuffer>} Pcm */

export const RATE = 24000;

/** @param {Pcm} pcm */
export function toBase64(pcm) {
  const bytes = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

/** @param {string} text */
export function fromBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}

/** @param {Pcm[]} pieces */
export function join(pieces) {
  const all = new Int16Array(pieces.reduce((total, piece) => total + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/**
 * Return the largest sample, from 0 to 1.
 * @param {Pcm} pcm
 */
export function peak(pcm) {
  let largest = 0;
  for (const sample of pcm) largest = Math.max(largest, Math.abs(sample));
  return largest / 32768;
}

/** @param {Pcm} pcm */
export function wav(pcm) {
  const header = new DataView(new ArrayBuffer(44));
  /** @param {number} at @param {string} text */
  const ascii = (at, text) => [...text].forEach((letter, i) => header.setUint8(at + i, letter.charCodeAt(0)));
  ascii(0, "RIFF");
  header.setUint32(4, 36 + pcm.byteLength, true);
  ascii(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true);
  header.setUint16(22, 1, true);
  header.setUint32(24, RATE, true);
  header.setUint32(28, RATE * 2, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  ascii(36, "data");
  header.setUint32(40, pcm.byteLength, true);
  return new Blob([header, pcm], { type: "audio/wav" });
}
