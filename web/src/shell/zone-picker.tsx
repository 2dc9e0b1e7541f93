/** Chooses the time zone of all pages, by any name that the API takes. */
import { Alert, Select } from '@mantine/core';
import { useMemo, useState } from 'react';
import { isTimeZone } from '../../../src/core/zone-names.ts';
import { CHOICE, useParameter, useParameters } from '../parts/url-state.ts';
import { useZone, ZONES } from '../parts/zone.ts';
import { isFoundBy, withTyped, zoneNamed } from '../parts/zone-names.ts';

const FOUND_MAX = 50;

export function ZonePicker({
  onRefuse,
}: {
  /** What was typed and is no zone; undefined once one is chosen. */
  readonly onRefuse: (typed: string | undefined) => void;
}) {
  const zone = useZone();
  const [, setParameters] = useParameters();
  const [typed, setTyped] = useState('');
  const choices = useMemo(() => withTyped(ZONES, zone, typed), [zone, typed]);
  const choose = (name: string) => {
    onRefuse(undefined);
    if (name !== zone) setParameters({ tz: name }, CHOICE);
  };
  return (
    <Select
      size="xs"
      className="zone"
      aria-label="Time zone"
      data={choices}
      value={zone}
      searchable
      selectFirstOptionOnChange
      nothingFoundMessage="No such time zone"
      allowDeselect={false}
      limit={FOUND_MAX}
      filter={({ options, search, limit }) =>
        options
          .filter((option) => 'label' in option && isFoundBy(option.label, search))
          .slice(0, limit)
      }
      comboboxProps={{ width: 'max-content', position: 'bottom-end' }}
      onSearchChange={setTyped}
      onFocus={(event) => {
        event.currentTarget.select();
      }}
      // The click that brings the focus would put the cursor into the name.
      onMouseUp={(event) => {
        if (event.currentTarget.value === zone) event.currentTarget.select();
      }}
      // The field shows the zone again. What was typed must not be lost without a word.
      onBlur={(event) => {
        const text = event.currentTarget.value.trim();
        const named = zoneNamed(text, choices);
        if (named === zone) return;
        if (named !== undefined) choose(named);
        else if (text !== '') onRefuse(text);
      }}
      onChange={(chosen) => {
        if (chosen !== null) choose(chosen);
      }}
    />
  );
}

/** Stays until it is closed, or a zone is chosen. */
export function ZoneNotice({
  typed,
  onClose,
}: {
  readonly typed: string | undefined;
  readonly onClose: () => void;
}) {
  const zone = useZone();
  const [linked, setLinked] = useParameter('tz');
  const isLinkWrong = linked !== '' && !isTimeZone(linked);
  if (typed === undefined && !isLinkWrong) return null;
  return (
    <Alert
      color="orange"
      mb="md"
      role="alert"
      withCloseButton
      closeButtonLabel="Close"
      onClose={() => {
        if (isLinkWrong) setLinked(zone);
        onClose();
      }}
    >
      {typed === undefined
        ? `This link is for the time zone “${linked}”, which does not exist. Times are in ${zone}, the zone of your browser.`
        : `There is no time zone “${typed}”. Times are still in ${zone}. Names are such as Europe/Berlin or Asia/Kolkata.`}
    </Alert>
  );
}
