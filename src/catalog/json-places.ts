/** Where things are in a JSON text, which `JSON.parse` does not tell: lines, and members that it would drop. */
import { createScanner, printParseErrorCode, visit, type JSONVisitor } from 'jsonc-parser';

export interface JsonPlaces {
  /** The line of each member of the outer object, by name. */
  readonly members: ReadonlyMap<string, number>;
  /** The line of each element of each list of the outer object, by the name of the list. */
  readonly elements: ReadonlyMap<string, readonly number[]>;
  /** Members that are in one object more than once: `JSON.parse` keeps the last. */
  readonly repeats: readonly JsonRepeat[];
}

/** A line, from 1, and what is wrong there. */
export interface JsonFault {
  readonly line: number;
  readonly message: string;
}

export interface JsonRepeat {
  /** Cut where it is long. */
  readonly name: string;
  readonly line: number;
  readonly firstLine: number;
}

/** As deep as a row of the catalogue goes; what is deeper is refused for its shape. */
const NAMES_DEPTH_MAX = 6;
/** The library's visit recurses. */
const FAULT_DEPTH_MAX = 500;
const TOO_DEEP = `the mistake is inside more than ${FAULT_DEPTH_MAX} open brackets`;
const FOUND_LENGTH_MAX = 30;

/** What must be where the library refuses a token, by its code. */
const WANTED: Readonly<Record<string, string>> = {
  PropertyNameExpected: 'a name in double quotes',
  ValueExpected: 'a value',
  ColonExpected: ':',
  CommaExpected: 'a comma or a closing bracket',
  CloseBraceExpected: '}',
  CloseBracketExpected: ']',
  EndOfFileExpected: 'the end',
};
/** What is wrong with a token as such. */
const BROKEN: Readonly<Record<string, string>> = {
  InvalidSymbol: 'neither a number, true, false, null nor a text in double quotes',
  InvalidCommentToken: 'comments are not allowed',
  UnexpectedEndOfString: 'a text has no closing " in its line',
  UnexpectedEndOfNumber: 'a number breaks off',
  InvalidUnicode: 'a text has a \\u without four hexadecimal digits',
  InvalidEscapeCharacter: 'a text has an unknown escape',
  InvalidCharacter: 'a text has a tab or another control character',
};

/** Takes linear time, however deep the text is. @returns The first place where it is not JSON, if any. */
export function findJsonPlaces(text: string): JsonPlaces | JsonFault {
  try {
    JSON.parse(text);
  } catch {
    return faultIn(text);
  }
  return placesIn(text);
}

/** @param text JSON: so the first character of a token says what it is, and a colon follows a name. */
function placesIn(text: string): JsonPlaces {
  const members = new Map<string, number>();
  const elements = new Map<string, number[]>();
  const repeats: JsonRepeat[] = [];
  /** The lines of the names of each open object; undefined for a list, and where nothing is kept. */
  const open: (Map<string, number> | undefined)[] = [];
  const scanner = createScanner(text, true);
  let name = '';
  let line = 1;
  /** Of the outer object. */
  let member = '';

  const noteName = (): void => {
    const names = open.at(-1);
    const firstLine = names?.get(name);
    if (firstLine === undefined) names?.set(name, line);
    else repeats.push({ name: name.slice(0, 100), line, firstLine });
    if (open.length !== 1) return;
    member = name;
    members.set(name, line);
  };

  for (;;) {
    scanner.scan();
    const character = text[scanner.getTokenOffset()];
    if (character === undefined) return { members, elements, repeats };
    if (character === ',') continue;
    if (character === ':') noteName();
    else if (character === '}' || character === ']') open.pop();
    else {
      name = scanner.getTokenValue();
      line = scanner.getTokenStartLine() + 1;
      if (open.length === 2 && open[1] === undefined) elements.get(member)?.push(line);
      if (character === '[' && open.length === 1) elements.set(member, []);
      if (character === '[') open.push(undefined);
      if (character === '{') open.push(open.length < NAMES_DEPTH_MAX ? new Map() : undefined);
    }
  }
}

function faultIn(text: string): JsonFault {
  const faults: JsonFault[] = [];
  let depth = 0;
  /** Nothing but an error ends a visit. */
  const stop = (line: number, problem: string): never => {
    faults.push({ line: line + 1, message: `is not JSON: ${problem}` });
    throw new Error(problem);
  };
  const onBegin = (_offset: number, _length: number, line: number): void => {
    depth += 1;
    if (depth > FAULT_DEPTH_MAX) stop(line, TOO_DEEP);
  };
  const onEnd = (): void => {
    depth -= 1;
  };
  const visitor: JSONVisitor = {
    onObjectBegin: onBegin,
    onArrayBegin: onBegin,
    onObjectEnd: onEnd,
    onArrayEnd: onEnd,
    onError: (code, offset, length, line) =>
      stop(line, problemOf(printParseErrorCode(code), text.slice(offset, offset + length))),
  };
  try {
    visit(text, visitor, { disallowComments: true });
  } catch (error) {
    if (faults.length === 0) throw error;
  }
  return faults[0] ?? { line: 1, message: 'is not JSON' };
}

function problemOf(code: string, token: string): string {
  const found = token.length > FOUND_LENGTH_MAX ? `${token.slice(0, FOUND_LENGTH_MAX)}…` : token;
  const wanted = WANTED[code];
  if (wanted === undefined) return `${BROKEN[code] ?? code}: ${found}`;
  return `${found === '' ? 'the file ends' : `found ${found}`} where ${wanted} must be`;
}
