/** The rows of imported files: what the API takes in a path and in a body, in one object. */
import { Type, type TObject } from 'typebox';
import type { CatalogKind } from './catalog-file.ts';
import {
  addPriceSchema,
  putCustomerSchema,
  putProductSchema,
  putUnitSchema,
} from './catalog-schema.ts';

const rowOf = ({ params, body }: { readonly params: TObject; readonly body: TObject }) =>
  Type.Object({ ...params.properties, ...body.properties }, { additionalProperties: false });

export const ROW_SCHEMAS: Readonly<Record<CatalogKind, TObject>> = {
  units: rowOf(putUnitSchema),
  customers: rowOf(putCustomerSchema),
  products: rowOf(putProductSchema),
  prices: rowOf(addPriceSchema),
};
