import type { CompatRoute, CompatSite } from '../site.ts'
import { mlflowError } from './errors.ts'

/** Every route of MLflow's REST API that is answered; each group is a file beside this one. */
const routes: readonly CompatRoute[] = []

/** MLflow's tracking server: its client finds it at the address of this server itself. */
export const mlflowSite: CompatSite = {
  name: 'mlflow',
  prefixes: ['/api/2.0/mlflow', '/api/3.0/mlflow', '/ajax-api/2.0/mlflow', '/ajax-api/3.0/mlflow'],
  routes,
  errorBody: mlflowError,
}
