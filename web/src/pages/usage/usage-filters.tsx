/** The filters of usage. */
import { MultiSelect, Select, Switch } from '@mantine/core';
import { Filters, TextFilter } from '../../parts/filters.tsx';
import { NamesInput } from '../../parts/names-input.tsx';
import { datesOf, RANGES } from '../../parts/range.ts';
import { RangeFilter, useSpan } from '../../parts/range-filter.tsx';
import { CHOICE, useParameter, useParameters, useValues } from '../../parts/url-state.ts';
import { useZone } from '../../parts/zone.ts';
import { FILTERS, GROUPS, RANGE_DEFAULT, WINDOW_CHOICES } from './question.ts';

/** As many as the API takes. */
const VALUES_MAX = 100;

export function UsageFilters() {
  const [window, setWindow] = useParameter('window');
  const [groups, setGroups] = useParameter('group_by');
  const [live, setLive] = useParameter('live');
  const [asOf] = useParameter('as_of');
  return (
    <Filters filters={[]} inWords={useFiltersInWords()}>
      {FILTERS.map((filter) => (
        <ValuesFilter key={filter.name} {...filter} />
      ))}
      <RangeFilter byDefault={RANGE_DEFAULT} />
      <Select
        size="xs"
        label="Window"
        className="window-field"
        data={WINDOW_CHOICES}
        value={window === '' ? 'hour' : window}
        allowDeselect={false}
        onChange={(chosen) => {
          setWindow(chosen === 'hour' ? '' : (chosen ?? ''), CHOICE);
        }}
      />
      <MultiSelect
        size="xs"
        label="Group by"
        className="values-field"
        placeholder={groups === '' ? 'unit only' : ''}
        data={GROUPS}
        value={groups.split(',').filter(Boolean)}
        onChange={(chosen) => {
          setGroups(chosen.join(','), CHOICE);
        }}
      />
      <TextFilter name="as_of" label="As of" placeholder="now" />
      <Switch
        label="Live"
        mb={6}
        disabled={asOf !== ''}
        checked={live !== 'false' && asOf === ''}
        onChange={(event) => {
          setLive(event.currentTarget.checked ? '' : 'false', CHOICE);
        }}
      />
    </Filters>
  );
}

/** Whose usage this is, of what time, and in which zone. */
function useFiltersInWords(): string {
  const [parameters] = useParameters();
  const zone = useZone();
  const span = spanInWords(useSpan(RANGE_DEFAULT));
  const [tenants = '', ...names] = FILTERS.map(({ name }) => parameters.getAll(name).join(', '));
  const asOf = parameters.get('as_of') ?? '';
  const said = [tenants || 'All tenants', ...names, span, zone, asOf && `as of ${asOf}`];
  return said.filter(Boolean).join(' · ');
}

function spanInWords({ range, from, to }: ReturnType<typeof useSpan>): string {
  if (range === 'own') {
    return [from && `from ${from}`, to && `before ${to}`].filter(Boolean).join(' ');
  }
  const label = RANGES.find(({ value }) => value === range)?.label ?? '';
  return range === 'all' ? label : `${label} (${datesOf({ from, to })})`;
}

function ValuesFilter({ name, label }: { readonly name: string; readonly label: string }) {
  const [values, setValues] = useValues(name);
  return (
    <NamesInput
      size="xs"
      label={label}
      className="values-field"
      placeholder={values.length === 0 ? 'all' : ''}
      value={values}
      maxTags={VALUES_MAX}
      onChange={setValues}
    />
  );
}
