/**
 * QR codes, for a `verification_uri_complete` (RFC 8628 section 3.3.1).
 *
 * @packageDocumentation
 */
import { encode } from 'uqr';

export interface QrOptions {
  /** The text for screen readers. Default: `QR code: ` and the text. */
  title?: string;
}

/** Readers find the code by the empty space around it: four modules (ISO/IEC 18004). */
const QUIET = 4;

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/**
 * A QR code as the text of an `<svg>` element: black on white whatever the page's colours are, and
 * without a size, so that style sheets scale it. It is escaped, so that it can be assigned to
 * `innerHTML`.
 *
 * @param text what is encoded, as UTF-8
 * @throws {RangeError} if the text is longer than a QR code can hold (2,331 bytes)
 */
export const qrSvg = (text: string, { title = 'QR code: ' + text }: QrOptions = {}): string => {
  const { data, size } = encode(text, { ecc: 'M', border: QUIET });
  let path = '';
  data.forEach((row, y) => {
    for (let x = 0, width; x < size; x += width + 1) {
      for (width = 0; row[x + width]; ) width++;
      // The dark modules in a row are one shape: between single ones a reader's screen may show
      // gaps.
      if (width) path += `M${x} ${y}h${width}v1h-${width}z`;
    }
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" role="img" shape-rendering="crispEdges">` +
    `<title>${title.replace(/[&<>]/g, (c) => escapes[c]!)}</title><path fill="#fff" d="M0 0h${size}v${size}H0z"/><path d="${path}"/></svg>`
  );
};
