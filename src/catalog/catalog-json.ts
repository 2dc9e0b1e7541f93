/** Customers, products, prices and units as the API, imports and exports write them. */
import { parseInstant } from '../core/timestamp.ts';
import { invalidField } from '../http/problems.ts';
import type { Customer, Product } from './catalog-query.ts';
import { tierProblem, type Price } from './prices.ts';
import { parseFactor, type Unit } from './units.ts';

/** The members of a customer beside its id; those of the others likewise. */
export interface CustomerJson {
  readonly name: string;
  readonly email?: string;
  readonly tenant?: string;
}

export interface ProductJson {
  readonly name: string;
  readonly unit: string;
  readonly active?: boolean;
  readonly recurring?: boolean;
}

export interface PriceJson {
  readonly currency: string;
  readonly unit_amount: string;
  readonly valid_from: string;
  readonly tiers?: {
    readonly mode: 'graduated' | 'volume';
    readonly steps: readonly { readonly up_to: number | null; readonly unit_amount: string }[];
  } | null;
}

export interface UnitJson {
  readonly dimension: string;
  readonly factor: string;
}

export function toCustomer(id: string, json: CustomerJson): Customer {
  return { id, name: json.name, email: json.email ?? null, tenant: json.tenant ?? null };
}

export function toProduct(sku: string, json: ProductJson): Product {
  const { name, unit, active = true, recurring = false } = json;
  return { sku, name, unit, active, recurring };
}

/** @throws ProblemError 400 the instant or the tiers are not valid. */
export function toPrice(sku: string, json: PriceJson): Price {
  const validFromMs = parseInstant(json.valid_from);
  if (validFromMs === undefined) {
    throw invalidField('valid_from', 'must be an RFC 3339 instant of the years 1 to 9999 in UTC');
  }
  const { tiers = null } = json;
  const steps = tiers?.steps.map((step) => ({ upTo: step.up_to, unitAmount: step.unit_amount }));
  const problem = steps === undefined ? undefined : tierProblem(steps);
  if (problem !== undefined) throw invalidField('tiers.steps', problem);
  return {
    sku,
    currency: json.currency,
    unitAmount: json.unit_amount,
    validFrom: new Date(validFromMs),
    tiers: tiers === null ? null : { mode: tiers.mode, steps: steps ?? [] },
  };
}

/** @throws ProblemError 400 the name or the factor is not valid. */
export function toUnit(unit: string, { dimension, factor }: UnitJson): Unit {
  if (unit.includes('·')) throw invalidField('unit', 'must not contain `·`');
  const parsed = parseFactor(factor);
  if (parsed === undefined) {
    throw invalidField('factor', 'must be a positive decimal or a fraction');
  }
  return { unit, dimension, ...parsed };
}

export function fromPrice({ sku, currency, unitAmount, validFrom, tiers }: Price) {
  const steps = tiers?.steps.map((step) => ({ up_to: step.upTo, unit_amount: step.unitAmount }));
  return {
    sku,
    currency,
    unit_amount: unitAmount,
    valid_from: validFrom.toISOString(),
    tiers: tiers === null ? null : { mode: tiers.mode, steps: steps ?? [] },
  };
}

export function fromUnit({ unit, dimension, numerator, denominator }: Unit) {
  const factor = denominator === 1n ? String(numerator) : `${numerator}/${denominator}`;
  return { unit, dimension, factor };
}
