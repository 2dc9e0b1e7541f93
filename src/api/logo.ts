/** The product's mark, as SVG: a pulse on a bar of usage. */

const MARK =
  '<rect width="32" height="32" rx="7" fill="#0b7a75"/>' +
  '<path d="M4 17h6l3-9 6 16 3-7h6" fill="none" stroke="#fff" stroke-width="2.6" ' +
  'stroke-linecap="round" stroke-linejoin="round"/>';

/** The mark alone, square. */
export const ICON = svg('0 0 32 32', MARK);

/** The mark with the name in white, for the dark bar of the reference page. */
export const LOGO = svg(
  '0 0 108 32',
  MARK +
    '<text x="42" y="23" font-family="sans-serif" font-size="21" font-weight="600" fill="#fff">Pulse</text>',
);

function svg(viewBox: string, content: string): Buffer {
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${viewBox}">${content}</svg>`,
  );
}
