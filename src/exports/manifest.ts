/** The manifest beside each file: which question it answers, and what to check it by. */
import { Type, type Static } from 'typebox';
import { count, instant } from '../http/schema-terms.ts';
import { EXPORT_FORMATS, type FileShape } from './exports.ts';

const MANIFEST_VERSION = 1;

export const Manifest = Type.Object(
  {
    version: Type.Literal(MANIFEST_VERSION),
    report: Type.String(),
    parameters: Type.Unknown({ description: 'As they were given.' }),
    tenants: Type.Union([Type.Array(Type.String()), Type.Null()], {
      description: 'Whose rows it may hold; null: of all tenants.',
    }),
    as_of: instant('Rows that came later are left out.'),
    format: Type.Enum([...EXPORT_FORMATS]),
    gzip: Type.Boolean(),
    spreadsheet: Type.Boolean(),
    columns: Type.Array(Type.String()),
    rows: Type.Integer({ minimum: 0 }),
    sums: Type.Record(Type.String(), Type.String(), {
      description: 'The sum of `used_amount` for each unit, where the report has amounts.',
    }),
    bytes: count('Of the file as it is stored.'),
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Of the file, in hex.' }),
  },
  { title: 'Manifest', description: 'What an exported file holds.' },
);
export type Manifest = Static<typeof Manifest>;

export interface WrittenFile {
  readonly columns: readonly string[];
  readonly rowCount: number;
  readonly byteCount: number;
  readonly sha256: string;
  readonly sums: Readonly<Record<string, string>>;
}

interface Question extends FileShape {
  readonly report: string;
  readonly parameters: unknown;
  readonly tenants: readonly string[] | null;
  readonly asOf: Date;
}

export function toManifest(question: Question, written: WrittenFile): Manifest {
  const { report, parameters, tenants, format, gzip, spreadsheet } = question;
  return {
    version: MANIFEST_VERSION,
    ...{ report, parameters },
    tenants: tenants === null ? null : [...tenants],
    as_of: question.asOf.toISOString(),
    ...{ format, gzip, spreadsheet },
    columns: [...written.columns],
    rows: written.rowCount,
    sums: written.sums,
    bytes: written.byteCount,
    sha256: written.sha256,
  };
}
