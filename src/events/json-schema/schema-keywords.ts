/** The keywords of JSON Schema 2020-12 that event types may use, and what each must hold. */

export type KeywordKind =
  | 'annotation'
  | 'text'
  | 'yesOrNo'
  | 'number'
  | 'positive'
  | 'count'
  | 'type'
  | 'names'
  | 'namesByName'
  | 'values'
  | 'value'
  | 'pattern'
  | 'format'
  | 'ref'
  | 'draft'
  | 'schema'
  | 'schemas'
  | 'schemasByName'
  | 'schemasByPattern';

export interface Keyword {
  readonly kind: KeywordKind;
  /** Whether its schemas apply to the members or elements of a value instead of the value itself. */
  readonly isBelow?: true;
  /** Whether it visits every member of an object. */
  readonly isLoop?: true;
  /** Whether a failure of one of its schemas is not a failure of the whole, so that errors pile up. */
  readonly isTrial?: true;
  /** The keyword that it has no meaning without. */
  readonly needs?: string;
}

const BELOW = { kind: 'schema', isBelow: true } as const;
const TRIALS = { kind: 'schemas', isTrial: true } as const;
const HERE = { kind: 'schema' } as const;
const COUNT = { kind: 'count' } as const;
const NUMBER = { kind: 'number' } as const;
const ANNOTATION = { kind: 'annotation' } as const;
const TEXT = { kind: 'text' } as const;
const YES_OR_NO = { kind: 'yesOrNo' } as const;

export const KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>(
  Object.entries({
    $schema: { kind: 'draft' },
    $defs: { kind: 'schemasByName' },
    $ref: { kind: 'ref' },
    $comment: TEXT,
    title: TEXT,
    description: TEXT,
    contentEncoding: TEXT,
    contentMediaType: TEXT,
    examples: ANNOTATION,
    default: ANNOTATION,
    deprecated: YES_OR_NO,
    readOnly: YES_OR_NO,
    writeOnly: YES_OR_NO,
    type: { kind: 'type' },
    enum: { kind: 'values' },
    const: { kind: 'value' },
    multipleOf: { kind: 'positive' },
    maximum: NUMBER,
    exclusiveMaximum: NUMBER,
    minimum: NUMBER,
    exclusiveMinimum: NUMBER,
    maxLength: COUNT,
    minLength: COUNT,
    pattern: { kind: 'pattern' },
    format: { kind: 'format' },
    maxItems: COUNT,
    minItems: COUNT,
    uniqueItems: YES_OR_NO,
    maxContains: { kind: 'count', needs: 'contains' },
    minContains: { kind: 'count', needs: 'contains' },
    maxProperties: { kind: 'count', isLoop: true },
    minProperties: { kind: 'count', isLoop: true },
    required: { kind: 'names' },
    dependentRequired: { kind: 'namesByName' },
    allOf: { kind: 'schemas' },
    anyOf: TRIALS,
    oneOf: TRIALS,
    not: HERE,
    if: HERE,
    then: { kind: 'schema', needs: 'if' },
    else: { kind: 'schema', needs: 'if' },
    dependentSchemas: { kind: 'schemasByName' },
    prefixItems: { kind: 'schemas', isBelow: true },
    items: BELOW,
    contains: { kind: 'schema', isBelow: true, isTrial: true },
    properties: { kind: 'schemasByName', isBelow: true },
    patternProperties: { kind: 'schemasByPattern', isBelow: true, isLoop: true },
    additionalProperties: { kind: 'schema', isBelow: true, isLoop: true },
    propertyNames: { kind: 'schema', isBelow: true, isLoop: true },
    unevaluatedItems: BELOW,
    unevaluatedProperties: { kind: 'schema', isBelow: true, isLoop: true },
  } satisfies Record<string, Keyword>),
);

/** They say together which schemas apply to a member. */
export const MEMBER_KEYWORDS: readonly string[] = [
  ...['properties', 'patternProperties', 'additionalProperties'],
];
/** They say together which schema applies to an element. */
export const ELEMENT_KEYWORDS: readonly string[] = ['prefixItems', 'items'];

/** What to write instead of keywords that other drafts or ajv know. */
export const KEYWORD_HINTS: ReadonlyMap<string, string> = new Map([
  ['definitions', 'Call it $defs.'],
  ['dependencies', 'Use dependentRequired or dependentSchemas.'],
  ['additionalItems', 'Use items beside prefixItems.'],
  ['nullable', 'Add "null" to type.'],
  ['$id', 'A schema cannot name itself here; refer to parts of it with "#/$defs/…".'],
  ['$anchor', 'Refer to parts of a schema with "#/$defs/…".'],
  ['$dynamicAnchor', 'Refer to parts of a schema with "#/$defs/…".'],
  ['$dynamicRef', 'Use $ref with "#/$defs/…".'],
]);

export const TYPES: ReadonlySet<unknown> = new Set([
  ...['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'],
]);

/** Those of the specification that ajv-formats checks. */
export const FORMATS = [
  ...(['date', 'time', 'date-time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6'] as const),
  ...(['uri', 'uri-reference', 'uri-template', 'uuid', 'json-pointer'] as const),
  ...(['relative-json-pointer', 'regex'] as const),
];

/** Keywords that never refuse a value. */
export function isAnnotation(keyword: string): boolean {
  const { kind } = KEYWORDS.get(keyword) ?? {};
  const isPlain = kind === 'annotation' || kind === 'text' || kind === 'draft';
  return isPlain || ['deprecated', 'readOnly', 'writeOnly'].includes(keyword);
}
