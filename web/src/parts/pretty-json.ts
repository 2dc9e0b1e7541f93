/** JSON with one member a line. Every value keeps its text, so that no digit is lost. */

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g;
const INDENT = '  ';

/** @returns Undefined if the text is not JSON. */
export function prettyJson(text: string): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  const tokens = text.match(TOKEN) ?? [];
  let depth = 0;
  let pretty = '';
  tokens.forEach((token, index) => {
    const next = tokens[index + 1] ?? '';
    const isEmpty = `${token}${next}` === '{}' || `${token}${next}` === '[]';
    if (token === '{' || token === '[') {
      depth += 1;
      pretty += isEmpty ? token : `${token}\n${INDENT.repeat(depth)}`;
    } else if (token === '}' || token === ']') {
      depth -= 1;
      const before = tokens[index - 1];
      const wasEmpty = before === '{' || before === '[';
      pretty += wasEmpty ? token : `\n${INDENT.repeat(depth)}${token}`;
    } else if (token === ',') pretty += `,\n${INDENT.repeat(depth)}`;
    else pretty += token === ':' ? ': ' : token;
  });
  return pretty;
}

/** The value of a member of an object, laid out alike. '' if there is none. */
export function prettyMember(text: string, name: string): string {
  const start = `${INDENT}${JSON.stringify(name)}: `;
  // Deeper members are indented further, and no value holds a line break as it is.
  const members = prettyJson(text)?.split(/\n(?= {2}"|\})/) ?? [];
  const member = members.find((lines) => lines.startsWith(start)) ?? '';
  return member.slice(start.length).replace(/,$/, '').replaceAll(`\n${INDENT}`, '\n');
}
