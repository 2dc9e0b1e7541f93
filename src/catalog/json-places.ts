/** Where things are in a JSON text, which `JSON.parse` does not tell: lines, and members that it would drop. */

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

/** What may come next. */
type Expected = 'value' | 'element' | 'name' | 'member' | 'colon' | 'more' | 'end';

/** The open lists and objects, the innermost last. */
interface Open {
  readonly isList: boolean;
  /** The line of each name so far; undefined in a list, and where nothing is kept. */
  readonly names: Map<string, number> | undefined;
}

/** As deep as a row of the catalogue goes; what is deeper is refused for its shape. */
const NAMES_DEPTH_MAX = 6;
const FOUND_LENGTH_MAX = 30;
const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACES = new Set([0x20, 0x09, LINE_FEED, 0x0d]);
const WORD = /[^\s{}[\],:"]+/y;
const SCALAR = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;
const ESCAPE = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;

/** Reads the text once, in linear time, however deep it is. @returns The first place where it is not JSON, if any. */
export function findJsonPlaces(text: string): JsonPlaces | JsonFault {
  return new JsonWalk(text).run();
}

class JsonWalk {
  readonly #text: string;
  readonly #members = new Map<string, number>();
  readonly #elements = new Map<string, number[]>();
  readonly #repeats: JsonRepeat[] = [];
  readonly #open: Open[] = [];
  #expected: Expected = 'value';
  #at = 0;
  #line = 1;
  /** Of the outer object. */
  #member = '';

  constructor(text: string) {
    this.#text = text;
  }

  run(): JsonPlaces | JsonFault {
    for (;;) {
      this.#skipSpaces();
      if (this.#at === this.#text.length) {
        if (this.#expected !== 'end') return this.#fault(`the file ends where ${this.#wanted()}`);
        return { members: this.#members, elements: this.#elements, repeats: this.#repeats };
      }
      const problem = this.#step(this.#text[this.#at] ?? '');
      if (problem !== undefined) return this.#fault(problem);
    }
  }

  /** Reads one token. @returns What is wrong with it. */
  #step(character: string): string | undefined {
    const isValue = this.#expected === 'value' || this.#expected === 'element';
    const isName = this.#expected === 'name' || this.#expected === 'member';
    if (this.#stepOver(character)) return undefined;
    if (isValue) this.#noteElement();
    if (character === '"' && (isValue || isName)) return this.#readText(isName);
    if (isValue && (character === '{' || character === '[')) {
      this.#begin(character === '[');
      return undefined;
    }
    const word = this.#wordHere();
    if (!isValue || !SCALAR.test(word)) return `found ${this.#found(word)} where ${this.#wanted()}`;
    this.#at += word.length;
    this.#finishValue();
    return undefined;
  }

  /** Commas, colons and ends. @returns Whether it was one that may be here. */
  #stepOver(character: string): boolean {
    const isList = this.#open.at(-1)?.isList === true;
    const isAtEnd = ['element', 'member', 'more'].includes(this.#expected);
    if (character === ':' && this.#expected === 'colon') this.#expected = 'value';
    else if (character === ',' && this.#expected === 'more') {
      this.#expected = isList ? 'value' : 'name';
    } else if (character === (isList ? ']' : '}') && isAtEnd) {
      this.#open.pop();
      this.#finishValue();
    } else return false;
    this.#at += 1;
    return true;
  }

  #begin(isList: boolean): void {
    const isKept = !isList && this.#open.length < NAMES_DEPTH_MAX;
    this.#open.push({ isList, names: isKept ? new Map() : undefined });
    if (isList && this.#open.length === 2) this.#elements.set(this.#member, []);
    this.#expected = isList ? 'element' : 'member';
    this.#at += 1;
  }

  #finishValue(): void {
    this.#expected = this.#open.length === 0 ? 'end' : 'more';
  }

  #noteElement(): void {
    if (this.#open.length === 2 && this.#open[1]?.isList === true) {
      this.#elements.get(this.#member)?.push(this.#line);
    }
  }

  #readText(isName: boolean): string | undefined {
    const start = this.#at;
    for (let at = start + 1; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        if (isName) this.#noteName(this.#text.slice(start, this.#at));
        else this.#finishValue();
        return undefined;
      }
      if (code < 0x20) return 'a text has a line break, a tab or another control character';
      if (code !== BACKSLASH) continue;
      ESCAPE.lastIndex = at;
      if (!ESCAPE.test(this.#text)) {
        return `a text has the unknown escape ${this.#text.slice(at, at + 2)}`;
      }
      at = ESCAPE.lastIndex - 1;
    }
    return 'a text has no closing "';
  }

  #noteName(quoted: string): void {
    this.#expected = 'colon';
    const names = this.#open.at(-1)?.names;
    if (names === undefined) return;
    const name = JSON.parse(quoted) as string;
    const first = names.get(name);
    if (this.#open.length === 1) {
      this.#member = name;
      this.#members.set(name, this.#line);
    }
    if (first === undefined) names.set(name, this.#line);
    else this.#repeats.push({ name: name.slice(0, 100), line: this.#line, firstLine: first });
  }

  #skipSpaces(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (!SPACES.has(code)) return;
      if (code === LINE_FEED) this.#line += 1;
    }
  }

  #wordHere(): string {
    WORD.lastIndex = this.#at;
    return WORD.exec(this.#text)?.[0] ?? '';
  }

  #found(word: string): string {
    if (word === '') {
      const rest = this.#text.slice(this.#at, this.#at + FOUND_LENGTH_MAX);
      return /^"[^"\n]*"/.exec(rest)?.[0] ?? rest.slice(0, 1);
    }
    return word.length > FOUND_LENGTH_MAX ? `${word.slice(0, FOUND_LENGTH_MAX)}…` : word;
  }

  #wanted(): string {
    const isList = this.#open.at(-1)?.isList === true;
    const wanted: Record<Expected, string> = {
      value: 'a value',
      element: 'a value or ]',
      name: 'a name in double quotes',
      member: 'a name in double quotes or }',
      colon: ':',
      more: isList ? ', or ]' : ', or }',
      end: 'the end',
    };
    return `${wanted[this.#expected]} must be`;
  }

  #fault(problem: string): JsonFault {
    return { line: this.#line, message: `is not JSON: ${problem}` };
  }
}
