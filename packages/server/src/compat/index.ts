import { gradientSite } from './gradient/site.ts'
import { mlflowSite } from './mlflow/routes.ts'
import { pushgatewaySite } from './pushgateway/site.ts'
import type { CompatSite } from './site.ts'

/** Every protocol of others that the server speaks. */
export const compatSites: readonly CompatSite[] = [mlflowSite, pushgatewaySite, gradientSite]
