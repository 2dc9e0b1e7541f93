/** The points of an export at which fault tests stop the process; run-export.ts says what each costs. */

export const EXPORT_POINTS = ['claimed', 'written', 'checked', 'renamed', 'completed'] as const;
export type ExportPoint = (typeof EXPORT_POINTS)[number];
