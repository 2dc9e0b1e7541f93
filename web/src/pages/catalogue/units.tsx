/** Units with their exact factors. */
import { Group, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, dataOf } from '../../api/client.ts';
import type { components } from '../../api/schema.d.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { CopyButton, curlOf } from '../../parts/copy.tsx';
import { DataTable, type Column } from '../../parts/data-table.tsx';
import { Empty, Loaded } from '../../parts/loaded.tsx';
import { emptyFields } from '../../parts/missing.ts';
import { useList } from '../../parts/use-list.ts';
import { digits } from '../../parts/words.ts';
import { FormFields, type Field } from './form-fields.tsx';
import { useMayEdit } from './may-edit.ts';

type Unit = components['schemas']['Unit'];

const FIELDS: readonly Field<keyof Unit>[] = [
  { name: 'unit', label: 'Unit', required: true, placeholder: 'TiB' },
  { name: 'dimension', label: 'Dimension', required: true, placeholder: 'information' },
  {
    name: 'factor',
    label: 'Factor: in base units of the dimension, a decimal or a fraction',
    required: true,
    placeholder: '1099511627776',
  },
];
const EMPTY = { unit: '', dimension: '', factor: '' };

const COLUMNS: readonly Column<Unit>[] = [
  { head: 'Unit', cell: ({ unit }) => <bdi>{unit}</bdi> },
  { head: 'Dimension', cell: ({ dimension }) => dimension },
  { head: 'Factor', cell: ({ factor }) => digits(factor), numeric: true },
];

export function UnitsList() {
  const units = useList(['units'], (after, signal) =>
    dataOf(
      api.GET('/api/v1/units', {
        params: { query: after === undefined ? {} : { after } },
        signal,
      }),
    ),
  );
  return (
    <>
      <Group justify="flex-end" gap="xs" mb="md">
        <CopyButton label="Copy as curl" text={curlOf('/api/v1/units')} />
        <AddUnit />
      </Group>
      <Loaded query={units}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty>There are no units.</Empty>
          ) : (
            <DataTable
              label="Units"
              columns={COLUMNS}
              rows={rows}
              rowKey={({ unit }) => unit}
              hasMore={units.hasMore}
              loadMore={units.loadMore}
            />
          )
        }
      </Loaded>
    </>
  );
}

function AddUnit() {
  const queries = useQueryClient();
  const [values, setValues] = useState<Unit>(EMPTY);
  const { unit, ...body } = values;
  return (
    <ConfirmButton
      label="Add a unit"
      confirmLabel="Add"
      {...useMayEdit()}
      missing={emptyFields({ Unit: unit, Dimension: body.dimension, Factor: body.factor })}
      run={async () => {
        const params = { path: { unit } };
        await dataOf(api.PUT('/api/v1/units/{unit}', { params, body }));
        return `The unit ${unit} is there.`;
      }}
      onDone={() => {
        setValues(EMPTY);
        void queries.invalidateQueries({ queryKey: ['units'] });
      }}
    >
      <FormFields fields={FIELDS} values={values} onChange={setValues} />
      <Text size="xs" mt="xs">
        A unit never changes its factor, because amounts were converted with it.
      </Text>
    </ConfirmButton>
  );
}
