/** Orders: where each stands, what it costs, and why one failed. */
import { useSegments } from '../../parts/segments.ts';
import { OrderDetail } from './order-detail.tsx';
import { OrdersList } from './orders-list.tsx';

export function OrdersPage() {
  const [, id] = useSegments();
  return id === undefined ? <OrdersList /> : <OrderDetail id={id} />;
}
