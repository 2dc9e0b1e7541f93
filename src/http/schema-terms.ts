/** Parts that the schemas of many routes share. */
import { Type, type TProperties, type TSchema } from 'typebox';

export const uuid = (description: string) => Type.String({ format: 'uuid', description });
export const instant = (description: string) => Type.String({ format: 'date-time', description });
export const count = (description: string) => Type.Integer({ minimum: 0, description });

export const orNull = <One extends TSchema>(one: One, description: string) =>
  Type.Union([one, Type.Null()], { description });
export const nullable = (description: string) => orNull(Type.String(), description);
export const nullableCount = (description: string) =>
  orNull(Type.Integer({ minimum: 0 }), description);
export const nullableInstant = (description: string) =>
  orNull(Type.String({ format: 'date-time' }), description);

/** The parameters of a route or a report. One with another name is refused. */
export const querySchema = <Properties extends TProperties>(properties: Properties) =>
  Type.Object(properties, { additionalProperties: false });
