/**
 * The limits of a pulse, each written once: parsers, schemas, documents and tests take them from here.
 *
 * Lengths count code points.
 */
import { FRACTION_DIGITS, WHOLE_DIGITS } from '../core/amount.ts';

export const TENANT_LENGTH_MAX = 128;
export const SKU_LENGTH_MAX = 128;
export const UNIT_LENGTH_MAX = 64;
export const ID_LENGTH_MAX = 128;

/** Digits of an amount before the point. */
export const WHOLE_DIGITS_MAX = WHOLE_DIGITS;
/** Digits of an amount after the point. */
export const FRACTION_DIGITS_MAX = FRACTION_DIGITS;
/** Digits of an amount that is sent as a JSON number, because a double holds any 15 exactly. */
export const NUMBER_DIGITS_MAX = 15;

/** Pulses in an array body. */
export const ARRAY_LENGTH_MAX = 1_000;

/** How far in the past a timestamp may lie, unless configured otherwise. */
export const AGE_MAX_DAYS_DEFAULT = 35;
/** How far in the future a timestamp may lie, unless configured otherwise. */
export const AHEAD_MAX_MINUTES_DEFAULT = 5;

/** Neither control characters nor half surrogate pairs: two different halves would become the same UTF-8 text. */
export const TENANT_PATTERN = `^[^\\p{Cc}\\p{Cs}]{1,${TENANT_LENGTH_MAX}}$`;
export const SKU_PATTERN = `^[^\\p{Cc}\\p{Cs}]{1,${SKU_LENGTH_MAX}}$`;
export const UNIT_PATTERN = `^[^\\p{Cc}\\p{Cs}]{1,${UNIT_LENGTH_MAX}}$`;
/** Ids may hold control characters. */
export const ID_PATTERN = `^[^\\p{Cs}]{1,${ID_LENGTH_MAX}}$`;
/** A decimal text above zero; leading zeros, and trailing ones of the fraction, do not count as digits. */
export const AMOUNT_PATTERN = `^(?!0*(\\.0*)?$)0*[0-9]{1,${WHOLE_DIGITS_MAX}}(\\.[0-9]{1,${FRACTION_DIGITS_MAX}}0*)?$`;
