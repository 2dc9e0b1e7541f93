/** Schemas inside a schema, as `findBreak` compares them. */
import { canonicalJson } from './canonical-json.ts';
import { expandSchemas, type ExpandedSchema } from './expand-schema.ts';
import { pointerOf, pointerTo } from './json-pointer.ts';
import { isObject, readSchema, type SchemaObject, type WrittenSchema } from './read-schema.ts';

class SchemaDocument {
  readonly written: WrittenSchema;
  readonly #expanded: ReadonlyMap<string, ExpandedSchema>;
  readonly #texts = new Map<string, string>();

  constructor(schema: object) {
    this.written = readSchema(schema);
    this.#expanded = expandSchemas(this.written);
  }

  textOf(pointer: string): string {
    const known = this.#texts.get(pointer);
    if (known !== undefined) return known;
    const text = canonicalJson(this.#expanded.get(pointer)?.schema ?? {}, () => undefined);
    this.#texts.set(pointer, text);
    return text;
  }
}

export class SchemaNode {
  readonly pointer: string;
  readonly #document: SchemaDocument;
  readonly #keywords: SchemaObject;

  /** @throws SchemaFault */
  static root(schema: object): SchemaNode {
    return new SchemaNode(new SchemaDocument(schema), '');
  }

  private constructor(document: SchemaDocument, pointer: string) {
    this.pointer = pointer;
    this.#document = document;
    const schema = document.written.places.get(pointer);
    this.#keywords = isObject(schema) ? schema : {};
  }

  /** The same for schemas that differ only in annotations, in the order of members, and in what is a reference. */
  get text(): string {
    return this.#document.textOf(this.pointer);
  }

  get acceptsAll(): boolean {
    return this.text === '{}';
  }

  get acceptsNothing(): boolean {
    return this.text === 'false';
  }

  get keywords(): readonly string[] {
    return Object.keys(this.#keywords);
  }

  has(keyword: string): boolean {
    return Object.hasOwn(this.#keywords, keyword);
  }

  /** @returns undefined if the schema has no such keyword. */
  get(keyword: string): unknown {
    return this.has(keyword) ? this.#keywords[keyword] : undefined;
  }

  /** The names, patterns or indexes of the schemas in a keyword. */
  names(keyword: string): readonly string[] {
    const value = this.get(keyword);
    return typeof value === 'object' && value !== null ? Object.keys(value) : [];
  }

  /** The schema in a keyword, or one of its schemas; none if there is none. */
  child(keyword: string, name?: string): SchemaNode[] {
    const place = pointerTo(this.pointer, keyword);
    const pointer = name === undefined ? place : pointerTo(place, name);
    if (!this.#document.written.places.has(pointer)) return [];
    return [new SchemaNode(this.#document, pointer)];
  }

  children(keyword: string): SchemaNode[] {
    return this.names(keyword).flatMap((name) => this.child(keyword, name));
  }

  /** Schemas that a value must match besides the other keywords. */
  joined(): SchemaNode[] {
    const target = this.has('$ref') ? pointerOf(String(this.get('$ref'))) : undefined;
    const referred = target === undefined ? [] : [new SchemaNode(this.#document, target)];
    return [...referred, ...this.children('allOf')];
  }

  /** The schemas for a member. */
  forMember(name: string): SchemaNode[] {
    const patterns = this.names('patternProperties').filter(
      (pattern) => this.#document.written.patterns.get(pattern)?.test(name) === true,
    );
    const found = [
      ...this.child('properties', name),
      ...patterns.flatMap((pattern) => this.child('patternProperties', pattern)),
    ];
    return found.length > 0 ? found : this.child('additionalProperties');
  }

  /** The schemas for an element. */
  forElement(index: number): SchemaNode[] {
    const found = this.child('prefixItems', String(index));
    return found.length > 0 ? found : this.child('items');
  }
}

/** The nodes, which are of one document, and all that they are joined with, each once. */
export function withJoined(nodes: readonly SchemaNode[]): SchemaNode[] {
  const all = new Map<string, SchemaNode>();
  const add = (node: SchemaNode): void => {
    if (all.has(node.pointer)) return;
    all.set(node.pointer, node);
    node.joined().forEach(add);
  };
  nodes.forEach(add);
  return [...all.values()];
}
