/** Requests an export. */
import { Button, Checkbox, Group, Select, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { api, ApiProblem, dataOf } from '../../api/client.ts';
import { PageLink, useHref } from '../../parts/link.tsx';
import { Failure } from '../../parts/loaded.tsx';
import { notify } from '../../parts/notices.tsx';
import { Page } from '../../parts/page.tsx';
import { instantOf, placeOf } from '../../parts/range.ts';
import { useParameter } from '../../parts/url-state.ts';
import { useZone } from '../../parts/zone.ts';
import { isReport, LISTS, PARAMETERS, REPORTS, type Report } from './exports.ts';

interface Choices {
  readonly report: Report;
  readonly texts: Readonly<Record<string, string>>;
  readonly format: 'csv' | 'ndjson';
  readonly gzip: boolean;
  readonly spreadsheet: boolean;
  readonly asOf: string;
}

export function NewExport() {
  const [named] = useParameter('report');
  const [choices, setChoices] = useState<Choices>({
    report: isReport(named) ? named : 'usage',
    texts: {},
    format: 'csv',
    gzip: false,
    spreadsheet: false,
    asOf: '',
  });
  const [, navigate] = useLocation();
  const href = useHref();
  const zone = useZone();
  const request = useMutation({
    mutationFn: () => dataOf(api.POST('/api/v1/exports', { body: bodyOf(choices, zone) })),
    onSuccess: ({ id }) => {
      notify('The export is requested.');
      navigate(href(`/exports/${id}`));
    },
  });
  return (
    <Page title="New export">
      <PageLink to="/exports">All exports</PageLink>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          request.mutate();
        }}
      >
        <Stack>
          {request.error === null ? null : <Failure error={request.error} />}
          <ReportFields
            choices={choices}
            onChange={(changes) => {
              setChoices({ ...choices, ...changes });
            }}
            error={request.error}
          />
          <Group justify="flex-end">
            <Button type="submit" loading={request.isPending}>
              Request the export
            </Button>
          </Group>
        </Stack>
      </form>
    </Page>
  );
}

interface FieldsProps {
  readonly choices: Choices;
  readonly onChange: (changes: Partial<Choices>) => void;
  readonly error: Error | null;
}

function ReportFields({ choices, onChange, error }: FieldsProps) {
  const { report, texts, format, spreadsheet } = choices;
  return (
    <>
      <Select
        label="Report"
        data={REPORTS}
        value={report}
        allowDeselect={false}
        onChange={(name) => {
          if (name !== null && isReport(name)) onChange({ report: name });
        }}
      />
      <div className="fields">
        {PARAMETERS[report].map((name) => (
          <TextInput
            key={name}
            label={name}
            placeholder={placeholderOf(name, report)}
            value={texts[name] ?? ''}
            error={fieldError(error, `parameters.${name}`)}
            onChange={(event) => {
              onChange({ texts: { ...texts, [name]: event.currentTarget.value } });
            }}
          />
        ))}
        <TextInput
          label="as_of"
          placeholder="now"
          value={choices.asOf}
          error={fieldError(error, 'as_of')}
          onChange={(event) => {
            onChange({ asOf: event.currentTarget.value });
          }}
        />
      </div>
      <Select
        label="Format"
        data={['csv', 'ndjson']}
        value={format}
        allowDeselect={false}
        onChange={(chosen) => {
          onChange(
            chosen === 'ndjson' ? { format: chosen, spreadsheet: false } : { format: 'csv' },
          );
        }}
      />
      <Checkbox
        label="Compress with gzip"
        checked={choices.gzip}
        onChange={(event) => {
          onChange({ gzip: event.currentTarget.checked });
        }}
      />
      <Checkbox
        label="For a spreadsheet: texts that would run as formulas get an apostrophe"
        disabled={format !== 'csv'}
        checked={spreadsheet}
        onChange={(event) => {
          onChange({ spreadsheet: event.currentTarget.checked });
        }}
      />
    </>
  );
}

function bodyOf({ report, texts, format, gzip, spreadsheet, asOf }: Choices, zone: string) {
  const given = PARAMETERS[report].flatMap((name) => {
    const text = (texts[name] ?? '').trim();
    return text === '' ? [] : [[name, valueOf(name, text, report, zone)] as const];
  });
  // Days and months are those of the page.
  const tz = report === 'usage' ? [['tz', zone] as const] : [];
  return {
    report,
    // The description leaves open what each report takes.
    parameters: Object.fromEntries([...tz, ...given]) as Record<string, never>,
    format,
    gzip,
    spreadsheet,
    ...(asOf.trim() === '' ? {} : { as_of: instantOf(asOf.trim(), zone) }),
  };
}

function valueOf(name: string, text: string, report: Report, zone: string): string | string[] {
  if (name === 'from' || name === 'to') {
    return report === 'usage' ? placeOf(text, zone) : instantOf(text, zone);
  }
  if (report !== 'usage' || !LISTS.has(name)) return text;
  return text
    .split(',')
    .map((value) => value.trim())
    .filter(Boolean);
}

function placeholderOf(name: string, report: Report): string {
  if (name === 'from' || name === 'to') return '2026-11-29 12:00';
  if (name === 'window') return 'hour, day, month or none';
  if (name === 'tz') return 'the zone of the page';
  return report === 'usage' && LISTS.has(name) ? 'separate several with commas' : '';
}

function fieldError(error: Error | null, field: string): string | undefined {
  if (!(error instanceof ApiProblem)) return undefined;
  return error.more.errors?.find((one) => one.field === field)?.message;
}
