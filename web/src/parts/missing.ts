/** What a form lacks, in sentences, for its dialog to say. */
import { PASSWORD_LENGTH_MIN } from './password.ts';

/** @param fields By the label of each field that must not be empty, what was typed. */
export function emptyFields(fields: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(fields).flatMap(([label, text]) =>
    text.trim() === '' ? [`${label} is missing.`] : [],
  );
}

export function passwordFaults(label: string, password: string): readonly string[] {
  if (password === '') return [`${label} is missing.`];
  // Code points, as the API counts them.
  const length = Array.from(password).length;
  return length >= PASSWORD_LENGTH_MIN
    ? []
    : [`${label} needs at least ${PASSWORD_LENGTH_MIN} characters. It has ${length}.`];
}
