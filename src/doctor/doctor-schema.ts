/** GET /doctor. */
import { Type } from 'typebox';
import { WITH_TOKEN } from '../http/example-terms.ts';
import { problemResponses } from '../http/problem-schema.ts';
import { instant } from '../http/schema-terms.ts';

const FindingSchema = Type.Object(
  {
    name: Type.String({ description: 'What was checked.' }),
    status: Type.Enum(['ok', 'warning', 'danger'], {
      description: '`danger`: pulses may be lost, counted twice or left uncounted.',
    }),
    detail: Type.String({ description: 'What was found, and what to do about it.' }),
  },
  { title: 'Finding' },
);

export const getDoctorSchema = {
  operationId: 'getDoctor',
  tags: ['doctor'],
  summary: 'Examines the three servers',
  description:
    'What `pulse doctor` finds, within about ten seconds. A server that does not answer is a finding, and the others ' +
    'are still examined. For five seconds, everybody who asks a process gets the same answer. Nothing is changed.',
  curl: `curl -s "$API/doctor" ${WITH_TOKEN} | jq -r '.findings[] | select(.status != "ok") | .detail'`,
  response: {
    200: Type.Object(
      {
        at: instant('When the examination ended.'),
        findings: Type.Array(FindingSchema),
      },
      { title: 'Examination', description: 'What was found.' },
    ),
    ...problemResponses(401, 403, 500),
  },
};
