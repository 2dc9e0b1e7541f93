/** Who may change the catalogue. It belongs to no tenant. */
import { hasRole, useMe } from '../../api/me.ts';

/** What a button that changes it gets. */
export function useMayEdit(): { readonly disabled: boolean; readonly title?: string } {
  const me = useMe();
  const mayEdit = hasRole(me, 'operator') && me?.tenants === undefined;
  return mayEdit
    ? { disabled: false }
    : { disabled: true, title: 'Operators of all tenants may do this.' };
}
