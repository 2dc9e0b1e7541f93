import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findBreak } from '../../../src/events/json-schema/compatible-schema.ts';
import {
  checkEventSchema,
  compileEventSchema,
} from '../../../src/events/json-schema/event-schema.ts';
import { data, schema, schemaPair } from './random-schemas.ts';

const manyData = fc.array(data, { minLength: 30, maxLength: 60 });
const isChecked = (value: unknown): value is object => checkEventSchema(value).ok;

test('what any old schema accepts, a new one without a break accepts', () => {
  let unbroken = 0;
  let accepted = 0;
  const property = fc.property(schemaPair, manyData, ([before, after], values) => {
    fc.pre(isChecked(before) && isChecked(after));
    if (findBreak(before, after) !== undefined) return;
    unbroken += 1;
    const [old, next] = [compileEventSchema(before), compileEventSchema(after)];
    for (const value of values) {
      if (!old.validate(value).ok) continue;
      accepted += 1;
      expect(next.validate(value)).toEqual({ ok: true });
    }
  });
  fc.assert(property, { numRuns: 300 });
  expect(unbroken).toBeGreaterThan(30);
  expect(accepted).toBeGreaterThan(300);
});

test('no schema breaks with itself', () => {
  const property = fc.property(schema, (value) => {
    fc.pre(isChecked(value));
    expect(findBreak(value, structuredClone(value))).toBeUndefined();
  });
  fc.assert(property, { numRuns: 100 });
});

test('any schema accepts what plain ajv accepts, but where ajv is wrong or throws', () => {
  const property = fc.property(schema, manyData, (value, values) => {
    fc.pre(isChecked(value) && !/contains|prefixItems/.test(JSON.stringify(value)));
    const plain = new Ajv2020({ strict: false, logger: false }).compile(value);
    const compiled = compileEventSchema(value);
    for (const item of values) {
      const wanted = resultOf(() => plain(item));
      if (wanted !== undefined) expect(compiled.validate(item).ok).toBe(wanted);
    }
  });
  fc.assert(property, { numRuns: 100 });
});

function resultOf(check: () => boolean): boolean | undefined {
  try {
    return check();
  } catch {
    return undefined;
  }
}
