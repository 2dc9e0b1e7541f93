/** The filters of usage. */
import { MultiSelect, Select, Switch } from '@mantine/core';
import { Filters, TextFilter } from '../../parts/filters.tsx';
import { NamesInput } from '../../parts/names-input.tsx';
import { RangeFilter } from '../../parts/range-filter.tsx';
import { useParameter, useValues } from '../../parts/url-state.ts';
import { FILTERS, GROUPS, RANGE_DEFAULT, WINDOW_CHOICES } from './question.ts';

/** As many as the API takes. */
const VALUES_MAX = 100;

export function UsageFilters() {
  const [window, setWindow] = useParameter('window');
  const [groups, setGroups] = useParameter('group_by');
  const [live, setLive] = useParameter('live');
  const [asOf] = useParameter('as_of');
  return (
    <Filters filters={[]}>
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
          setWindow(chosen === 'hour' ? '' : (chosen ?? ''));
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
          setGroups(chosen.join(','));
        }}
      />
      <TextFilter name="as_of" label="As of" placeholder="now" />
      <Switch
        label="Live"
        mb={6}
        disabled={asOf !== ''}
        checked={live !== 'false' && asOf === ''}
        onChange={(event) => {
          setLive(event.currentTarget.checked ? '' : 'false');
        }}
      />
    </Filters>
  );
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
