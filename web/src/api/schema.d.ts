// Made from the OpenAPI document by test/web/api-types.test.ts.
export interface paths {
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["live"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["ready"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/problems": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listProblemKinds"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/problems/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getProblemKind"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getMe"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put: operations["changeOwnPassword"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listUsers"];
        put?: never;
        post: operations["addUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{username}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getUser"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch: operations["changeUser"];
        trace?: never;
    };
    "/api/v1/users/{username}/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put: operations["setUserPassword"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listKeys"];
        put?: never;
        post: operations["createKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete: operations["revokeKey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getUsage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/usage.csv": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getUsageCsv"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pulses": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listPulses"];
        put?: never;
        post: operations["sendPulses"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pulses/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getPulse"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listDeadLetters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getDeadLetter"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters/{id}/body": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put: operations["fixDeadLetter"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters/{id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["replayDeadLetter"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["replayDeadLetters"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters/{id}/discard": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["discardDeadLetter"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters/discard": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["discardDeadLetters"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/customers/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getCustomer"];
        put: operations["putCustomer"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/customers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listCustomers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/products/{sku}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getProduct"];
        put: operations["putProduct"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/products": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listProducts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/products/{sku}/prices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listPrices"];
        put?: never;
        post: operations["addPrice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/units": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listUnits"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/units/{unit}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put: operations["putUnit"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listOrders"];
        put?: never;
        post: operations["createOrder"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getOrder"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/subscriptions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listSubscriptions"];
        put?: never;
        post: operations["purchaseSubscription"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/subscriptions/{id}/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put: operations["changeSubscription"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/subscriptions/{id}/changes/{number}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete: operations["withdrawSubscriptionChange"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/subscriptions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getSubscription"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/subscriptions/{id}/changes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listSubscriptionChanges"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/unsubscribed-usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listUnsubscribedUsage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/producers/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getProducer"];
        put: operations["putProducer"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/producers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listProducers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/event-types/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getEventType"];
        put: operations["putEventType"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/event-types": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listEventTypes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/event-types/{name}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listEventTypeVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listMessages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages/{producer}/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getMessage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/endpoints/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getEndpoint"];
        put: operations["putEndpoint"];
        post?: never;
        delete: operations["deleteEndpoint"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/endpoints": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listEndpoints"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/endpoints/{id}/rotate-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["rotateEndpointSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/endpoints/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["testEndpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/endpoints/{id}/recover": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["recoverEndpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getDelivery"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/{id}/attempts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listDeliveryAttempts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/{id}/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["resendDelivery"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workflow": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listWorkflows"];
        put?: never;
        post: operations["insertWorkflow"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workflow/{uuid}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getWorkflow"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch: operations["changeWorkflow"];
        trace?: never;
    };
    "/api/v1/workflow/consume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["consumeWorkflow"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workflow/{uuid}/csv": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getWorkflowCsv"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/exports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listExports"];
        put?: never;
        post: operations["createExport"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/exports/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getExport"];
        put?: never;
        post?: never;
        delete: operations["deleteExport"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/exports/{id}/file": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getExportFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/exports/{id}/download": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["downloadExport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/exports/{id}/manifest": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getExportManifest"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pulses/populate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["startPopulate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pulses/populate/{run_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getPopulate"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/status/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getStatusHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/status/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["streamStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ingest/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put: operations["pauseIngest"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/doctor": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getDoctor"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["sendEvents"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Problem: {
            /** Format: uri-reference */
            type: string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            code: string;
            request_id: string;
            errors?: {
                field: string;
                message: string;
            }[];
        };
        ProblemKind: {
            /** Format: uri-reference */
            type: string;
            code: string;
            status: number;
            title: string;
            /** @enum {unknown} */
            retry: "never" | "later";
            advice: string;
        };
        Me: {
            /** @enum {unknown} */
            kind: "user" | "key";
            name: string;
            actor: string;
            /** @enum {unknown} */
            role: "viewer" | "operator" | "admin";
            tenants: "all" | string[];
            expires_at: string | null;
        };
        User: {
            username: string;
            /** @enum {unknown} */
            role: "viewer" | "operator" | "admin";
            tenants: "all" | string[];
            /** Format: date-time */
            created_at: string;
            last_login_at: string | null;
            disabled_at: string | null;
        };
        Key: {
            id: string;
            name: string;
            /** @enum {unknown} */
            role: "viewer" | "operator" | "admin";
            tenants: "all" | string[];
            created_by: string;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            expires_at: string;
            revoked_at: string | null;
            last_used_at: string | null;
        };
        NewKey: {
            id: string;
            name: string;
            /** @enum {unknown} */
            role: "viewer" | "operator" | "admin";
            tenants: "all" | string[];
            created_by: string;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            expires_at: string;
            revoked_at: string | null;
            last_used_at: string | null;
            key: string;
        };
        AuditEntry: {
            id: string;
            /** Format: date-time */
            at: string;
            action: string;
            actor: string | null;
            /** @enum {unknown} */
            via: "api" | "command_line";
            address: string | null;
            request_id: string | null;
            subject: string | null;
            details: {
                [key: string]: unknown;
            };
        };
        UsageRow: {
            /** Format: date-time */
            window_start?: string;
            /** Format: date-time */
            window_end?: string;
            tenant?: string;
            product_sku?: string;
            use_unity: string;
            used_amount: string;
            pulse_count: number;
            provisional: boolean;
        };
        PulseRow: {
            id: string;
            tenant: string;
            product_sku: string;
            use_unity: string;
            used_amount: string;
            pulse_count: number;
            /** Format: date-time */
            window_start: string;
            /** Format: uuid */
            flush_batch_id: string;
            /** Format: date-time */
            flushed_at: string;
        };
        SentPulse: {
            tenant: string;
            product_sku: string;
            use_unity: string;
            used_amount: string | number;
            id?: string;
            /** Format: date-time */
            timestamp?: string;
        };
        CloudEvent: {
            /** @enum {string} */
            specversion: "1.0";
            id: string;
            source: string;
            type: string;
            subject: string;
            /** Format: date-time */
            time?: string;
            data?: {
                product_sku: string;
                use_unity: string;
                used_amount: string | number;
            };
            data_base64?: string;
        };
        SendOutcome: {
            index: number;
            /** @enum {unknown} */
            status: "accepted" | "rejected" | "unconfirmed";
            id?: string;
            field?: string;
            /** @enum {unknown} */
            code?: "malformed_json" | "not_an_object" | "empty_array" | "array_too_long" | "body_too_large" | "invalid_tenant" | "invalid_product_sku" | "invalid_use_unity" | "invalid_used_amount" | "amount_not_positive" | "amount_out_of_range" | "amount_too_precise" | "invalid_id" | "invalid_timestamp" | "timestamp_too_old" | "timestamp_in_future" | "sum_overflow" | "no_subscription" | "delivery_limit" | "unknown" | "tenant_not_allowed" | "invalid_cloudevent" | "too_many_sums" | "unconfirmed";
            reason?: string;
        };
        SendProblem: {
            /** Format: uri-reference */
            type: string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            code: string;
            request_id: string;
            errors?: {
                field: string;
                message: string;
            }[];
            outcomes?: components["schemas"]["SendOutcome"][];
        };
        DeadLetterRow: {
            /** Format: uuid */
            id: string;
            /** @enum {unknown} */
            state: "quarantined" | "replayed" | "discarded";
            /** @enum {unknown} */
            reason: "malformed_json" | "not_an_object" | "empty_array" | "array_too_long" | "body_too_large" | "invalid_tenant" | "invalid_product_sku" | "invalid_use_unity" | "invalid_used_amount" | "amount_not_positive" | "amount_out_of_range" | "amount_too_precise" | "invalid_id" | "invalid_timestamp" | "timestamp_too_old" | "timestamp_in_future" | "sum_overflow" | "no_subscription" | "delivery_limit" | "unknown" | "message_impossible" | "attempts_exhausted";
            detail: string;
            tenant: string | null;
            pulse_id: string | null;
            message_id: string | null;
            queue: string | null;
            pulse_index: number | null;
            body_bytes: number;
            is_fixed: boolean;
            exchange: string | null;
            routing_key: string | null;
            redelivered: boolean;
            /** Format: date-time */
            received_at: string;
        };
        DeadLetter: {
            /** Format: uuid */
            id: string;
            /** @enum {unknown} */
            state: "quarantined" | "replayed" | "discarded";
            /** @enum {unknown} */
            reason: "malformed_json" | "not_an_object" | "empty_array" | "array_too_long" | "body_too_large" | "invalid_tenant" | "invalid_product_sku" | "invalid_use_unity" | "invalid_used_amount" | "amount_not_positive" | "amount_out_of_range" | "amount_too_precise" | "invalid_id" | "invalid_timestamp" | "timestamp_too_old" | "timestamp_in_future" | "sum_overflow" | "no_subscription" | "delivery_limit" | "unknown" | "message_impossible" | "attempts_exhausted";
            detail: string;
            tenant: string | null;
            pulse_id: string | null;
            message_id: string | null;
            queue: string | null;
            pulse_index: number | null;
            body_bytes: number;
            is_fixed: boolean;
            exchange: string | null;
            routing_key: string | null;
            redelivered: boolean;
            /** Format: date-time */
            received_at: string;
            /** @description Its AMQP properties and headers. */
            properties: {
                [key: string]: unknown;
            };
            body: {
                /** @enum {unknown} */
                encoding: "utf8" | "base64";
                content: string;
            };
            body_is_cut: boolean;
            original_body: {
                /** @enum {unknown} */
                encoding: "utf8" | "base64";
                content: string;
            } | null;
            original_tenant: string | null;
            maybe_counted_since: string | null;
            actions: {
                /** @enum {unknown} */
                action: "fixed" | "replay_started" | "replayed" | "reopened" | "discarded";
                actor: string | null;
                /** @enum {unknown} */
                via: "api" | "command_line" | "quarantine";
                /** Format: date-time */
                at: string;
                note: string | null;
                body_sha256_before: string | null;
                body_sha256: string | null;
            }[];
        };
        Customer: {
            id: string;
            name: string;
            email: string | null;
            tenant: string | null;
        };
        Product: {
            sku: string;
            name: string;
            unit: string;
            active: boolean;
            recurring: boolean;
        };
        Price: {
            sku: string;
            currency: string;
            unit_amount: string;
            /** Format: date-time */
            valid_from: string;
            tiers: {
                /** @enum {unknown} */
                mode: "graduated" | "volume";
                steps: {
                    up_to: number | null;
                    unit_amount: string;
                }[];
            } | null;
        };
        Unit: {
            unit: string;
            dimension: string;
            factor: string;
        };
        AcceptedOrder: {
            /** Format: uuid */
            order_id: string;
            /** @enum {string} */
            status: "pending";
        };
        OrderHead: {
            /** Format: uuid */
            id: string;
            customer_id: string;
            /** @enum {unknown} */
            status: "pending" | "processing" | "completed" | "failed";
            currency: string;
            total_amount: string | null;
            failure: {
                code: string;
                detail: string;
            } | null;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
        };
        Order: {
            /** Format: uuid */
            id: string;
            customer_id: string;
            /** @enum {unknown} */
            status: "pending" | "processing" | "completed" | "failed";
            currency: string;
            total_amount: string | null;
            failure: {
                code: string;
                detail: string;
            } | null;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
            items: {
                sku: string;
                qty: number;
                unit_amount?: string;
                amount?: string;
            }[];
            enrichment: unknown;
            history: {
                version: number;
                /** @enum {unknown} */
                status: "pending" | "processing" | "completed" | "failed";
                reason: string;
                detail: string | null;
                /** Format: date-time */
                at: string;
            }[];
        };
        Subscription: {
            /** Format: uuid */
            id: string;
            user_id: string;
            sku: string | null;
            order_id: string | null;
            tenant: string | null;
            /** @enum {unknown} */
            status: "pending" | "active" | "canceled";
            pending: {
                number: number;
                /** @enum {unknown} */
                kind: "purchased" | "canceled" | "restarted";
                /** Format: date-time */
                effective_at: string;
            }[];
            version: number;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
        };
        LateChange: {
            /** Format: uuid */
            id: string;
        };
        SubscriptionChange: {
            number: number;
            /** @enum {unknown} */
            kind: "purchased" | "canceled" | "restarted";
            /** @enum {unknown} */
            state: "in_effect" | "pending" | "withdrawn";
            /** Format: date-time */
            effective_at: string;
            /** @enum {unknown} */
            cause: "api" | "rpc" | "order" | "command";
            changed_by: string;
            /** Format: date-time */
            changed_at: string;
            withdrawn_by: string | null;
            withdrawn_at: string | null;
        };
        UnsubscribedUsage: {
            tenant: string;
            product_sku: string;
            pulse_count: number;
            /** Format: date-time */
            first_seen_at: string;
            /** Format: date-time */
            last_seen_at: string;
        };
        Producer: {
            id: string;
            name: string | null;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
        };
        EventType: {
            name: string;
            version: number;
            schema: unknown;
            description: string | null;
            is_breaking: boolean;
            created_by: string;
            /** Format: date-time */
            created_at: string;
        };
        EventTypeProblem: {
            /** Format: uri-reference */
            type: string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            code: string;
            request_id: string;
            errors?: {
                field: string;
                message: string;
            }[];
            pointer?: string;
        };
        Message: {
            producer: string;
            id: string;
            type: string;
            type_version: number;
            client: string;
            number: number;
            /** Format: date-time */
            timestamp: string;
            /** Format: date-time */
            stored_at: string;
            data: unknown;
        };
        Endpoint: {
            id: string;
            client: string;
            url: string;
            description: string | null;
            types: string[] | null;
            filter: {
                [key: string]: string | number | boolean | null;
            } | null;
            fifo: boolean;
            rate_per_second: number | null;
            /** @enum {unknown} */
            status: "enabled" | "disabled";
            disabled_reason: ("gone" | "failing" | "requested") | null;
            failing_since: string | null;
            failures_in_row: number;
            last_attempt_at: string | null;
            last_success_at: string | null;
            version: number;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
        };
        EndpointWithSecret: {
            id: string;
            client: string;
            url: string;
            description: string | null;
            types: string[] | null;
            filter: {
                [key: string]: string | number | boolean | null;
            } | null;
            fifo: boolean;
            rate_per_second: number | null;
            /** @enum {unknown} */
            status: "enabled" | "disabled";
            disabled_reason: ("gone" | "failing" | "requested") | null;
            failing_since: string | null;
            failures_in_row: number;
            last_attempt_at: string | null;
            last_success_at: string | null;
            version: number;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
            secret: string;
        };
        EndpointTest: {
            webhook_id: string;
            /** Format: date-time */
            attempted_at: string;
            /** @enum {unknown} */
            outcome: "delivered" | "failed";
            status_code: number | null;
            duration_ms: number;
            error: string | null;
            response: string | null;
        };
        EndpointRecovery: {
            failed_count: number;
            missed_count: number;
            next: string | null;
        };
        Delivery: {
            /** Format: uuid */
            id: string;
            endpoint: string;
            client: string;
            producer: string;
            message_id: string;
            webhook_id: string;
            number: number;
            type: string;
            /** @enum {unknown} */
            status: "pending" | "delivered" | "failed";
            attempt_count: number;
            next_attempt_at: string | null;
            last_status_code: number | null;
            last_error: string | null;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
        };
        DeliveryAttempt: {
            number: number;
            /** Format: date-time */
            attempted_at: string;
            /** @enum {unknown} */
            outcome: "delivered" | "failed";
            status_code: number | null;
            duration_ms: number;
            error: string | null;
            response: string | null;
        };
        Workflow: {
            /** Format: uuid */
            uuid: string;
            /** @enum {unknown} */
            status: "inserted" | "consumed";
            data: unknown;
            steps: string[];
            client: string | null;
            created_by: string;
            /** Format: date-time */
            created_at: string;
            consumed_at: string | null;
            consumed_by: string | null;
        };
        Export: {
            /** Format: uuid */
            id: string;
            report: string;
            parameters: unknown;
            /** @enum {unknown} */
            format: "csv" | "ndjson";
            gzip: boolean;
            spreadsheet: boolean;
            /** Format: date-time */
            as_of: string;
            /** @enum {unknown} */
            state: "queued" | "running" | "ready" | "failed" | "canceled" | "expired";
            steps: {
                /** @enum {unknown} */
                step: "query" | "write" | "checksum" | "publish";
                /** Format: date-time */
                started_at: string;
                ended_at: string | null;
            }[];
            rows_written: number;
            rows_estimated: number | null;
            rows: number | null;
            bytes: number | null;
            sha256: string | null;
            sums: {
                [key: string]: string;
            } | null;
            failure: {
                code: string;
                detail: string;
            } | null;
            download: {
                url: string;
                /** Format: date-time */
                expires_at: string;
            } | null;
            /** Format: date-time */
            created_at: string;
            created_by: string;
            started_at: string | null;
            ended_at: string | null;
            expires_at: string | null;
        };
        Manifest: {
            /** @enum {number} */
            version: 1;
            report: string;
            parameters: unknown;
            tenants: string[] | null;
            /** Format: date-time */
            as_of: string;
            /** @enum {unknown} */
            format: "csv" | "ndjson";
            gzip: boolean;
            spreadsheet: boolean;
            columns: string[];
            rows: number;
            sums: {
                [key: string]: string;
            };
            bytes: number;
            sha256: string;
        };
        PopulateRun: {
            /** Format: uuid */
            id: string;
            /** @enum {unknown} */
            state: "running" | "completed" | "failed" | "cancelled" | "interrupted";
            total_messages: number;
            published: number;
            confirmed: number;
            confirmed_messages: number;
            rate_per_second: number;
            workers_number: number;
            buffer_size: number;
            pulses_per_message: number;
            /** Format: date-time */
            started_at: string;
            finished_at: string | null;
            error: string | null;
        };
        Ingest: {
            paused: boolean;
            by: string | null;
            note: string | null;
            since: string | null;
        };
        Status: {
            /** Format: date-time */
            at: string;
            ingest: components["schemas"]["Ingest"] | null;
            queue: {
                ready: number;
                consumers: number;
            } | null;
            dead_queue: {
                ready: number;
                consumers: number;
            } | null;
            parked_queue: {
                ready: number;
                consumers: number;
            } | null;
            message_queues: {
                name: string;
                ready: number;
                consumers: number;
                needs_consumers: boolean;
            }[] | null;
            oldest_pulse_seconds: number | null;
            sums: {
                received: number;
                counted: number;
                duplicates: number;
                journalled: number;
                journal_seconds: number;
                live: number;
                sealed: number;
                leftovers: number;
                unflushed_seconds: number;
            } | null;
            books: {
                drift: number;
                journal_drift: number;
                balanced: boolean;
                /** Format: date-time */
                at: string;
            } | null;
            last_flush_at: string | null;
            next_flush_at: string | null;
            dead_letters: {
                open: number;
                by_reason: {
                    /** @enum {unknown} */
                    reason: "malformed_json" | "not_an_object" | "empty_array" | "array_too_long" | "body_too_large" | "invalid_tenant" | "invalid_product_sku" | "invalid_use_unity" | "invalid_used_amount" | "amount_not_positive" | "amount_out_of_range" | "amount_too_precise" | "invalid_id" | "invalid_timestamp" | "timestamp_too_old" | "timestamp_in_future" | "sum_overflow" | "no_subscription" | "delivery_limit" | "unknown" | "message_impossible" | "attempts_exhausted";
                    count: number;
                }[];
            } | null;
            outbox: {
                waiting: number;
                oldest_seconds: number;
                scheduled: number;
            } | null;
            deliveries: {
                due: number;
                late_seconds: number;
                endpoints: {
                    healthy: number;
                    failing: number;
                    disabled: number;
                };
            } | null;
            workflows: {
                waiting: number;
            } | null;
            exports: {
                queued: number;
                running: number;
                oldest_seconds: number;
            } | null;
            unavailable: ("rabbitmq" | "redis" | "postgres")[];
            problems: string[];
        };
        StatusHistory: {
            data: {
                /** Format: date-time */
                at: string;
                received: number | null;
                counted: number | null;
                queue_ready: number | null;
                oldest_pulse_seconds: number | null;
                journalled: number | null;
                live: number | null;
                dead_letters: number | null;
                outbox: number | null;
                deliveries: number | null;
            }[];
        };
        Finding: {
            name: string;
            /** @enum {unknown} */
            status: "ok" | "warning" | "danger";
            detail: string;
        };
        Examination: {
            /** Format: date-time */
            at: string;
            findings: components["schemas"]["Finding"][];
        };
        SentEvent: {
            id: string;
            producer: string;
            type: string;
            client: string;
            data: unknown;
            /** Format: date-time */
            timestamp?: string;
        };
        SentCloudEvent: {
            /** @enum {string} */
            specversion: "1.0";
            id: string;
            source: string;
            type: string;
            subject: string;
            /** Format: date-time */
            time?: string;
            data?: unknown;
        };
        SentEventOutcome: {
            index: number;
            /** @enum {unknown} */
            status: "stored" | "duplicate" | "rejected";
            /** @enum {unknown} */
            code?: "invalid_event" | "unknown_producer" | "reserved_producer" | "unknown_type" | "reserved_type" | "unknown_client" | "invalid_data" | "id_taken" | "too_costly";
            pointer?: string;
            detail?: string;
        };
        SendEventsProblem: {
            /** Format: uri-reference */
            type: string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            code: string;
            request_id: string;
            errors?: {
                field: string;
                message: string;
            }[];
            outcomes: components["schemas"]["SentEventOutcome"][];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    live: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {boolean} */
                        live: true;
                    };
                };
            };
        };
    };
    ready: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        ready: boolean;
                        checks: {
                            name: string;
                            ready: boolean;
                        }[];
                    };
                };
            };
        };
    };
    listProblemKinds: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ProblemKind"][];
                    };
                };
            };
        };
    };
    getProblemKind: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemKind"];
                };
            };
        };
    };
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    username: string;
                    password: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        Auth: {
                            Token: string;
                            ExpiresAt: number;
                        };
                    };
                };
            };
        };
    };
    getMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
        };
    };
    changeOwnPassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    current_password: string;
                    new_password: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        Auth: {
                            Token: string;
                            ExpiresAt: number;
                        };
                    };
                };
            };
        };
    };
    listUsers: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["User"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    addUser: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    username: string;
                    password: string;
                    /** @enum {unknown} */
                    role: "viewer" | "operator" | "admin";
                    tenants: "all" | string[];
                };
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    getUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                username: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    changeUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                username: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @enum {unknown} */
                    role?: "viewer" | "operator" | "admin";
                    tenants?: "all" | string[];
                    disabled?: boolean;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    setUserPassword: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                username: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    password: string;
                };
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listKeys: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Key"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    createKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    name: string;
                    /** @enum {unknown} */
                    role: "viewer" | "operator" | "admin";
                    tenants: "all" | string[];
                    /** @default 90 */
                    expires_in_days?: number;
                };
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewKey"];
                };
            };
        };
    };
    revokeKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listAudit: {
        parameters: {
            query?: {
                actor?: string;
                action?: "login accepted" | "login refused" | "login limited" | "password refused" | "password limited" | "denied" | "changed" | "user added" | "user changed" | "user disabled" | "user enabled" | "password changed" | "key created" | "key revoked";
                subject?: string;
                from?: string;
                to?: string;
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["AuditEntry"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    getUsage: {
        parameters: {
            query?: {
                from?: string;
                to?: string;
                window?: "hour" | "day" | "month" | "none";
                tz?: string;
                group_by?: string[];
                tenant?: string[];
                product_sku?: string[];
                use_unity?: string[];
                order?: "asc" | "desc";
                limit?: number;
                after?: string;
                live?: "true" | "false";
                as_of?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["UsageRow"][];
                        next: string | null;
                        window_seconds: number;
                        /** Format: date-time */
                        complete_through: string;
                        /** Format: date-time */
                        final_through: string;
                        provisional: boolean;
                        pending: number | null;
                        journalled: number | null;
                    };
                };
            };
        };
    };
    getUsageCsv: {
        parameters: {
            query?: {
                from?: string;
                to?: string;
                window?: "hour" | "day" | "month" | "none";
                tz?: string;
                group_by?: string[];
                tenant?: string[];
                product_sku?: string[];
                use_unity?: string[];
                order?: "asc" | "desc";
                limit?: number;
                after?: string;
                live?: "true" | "false";
                as_of?: string;
                spreadsheet?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
        };
    };
    listPulses: {
        parameters: {
            query?: {
                page?: number;
                limit?: number;
                after?: string;
                tenant?: string;
                product_sku?: string;
                use_unity?: string;
                from?: string;
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["PulseRow"][];
                        page?: number;
                        limit: number;
                        total?: number;
                        next?: string | null;
                    };
                };
            };
        };
    };
    sendPulses: {
        parameters: {
            query?: never;
            header?: {
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SentPulse"] | components["schemas"]["SentPulse"][];
                "application/x-ndjson": string;
                "application/cloudevents+json": components["schemas"]["CloudEvent"];
                "application/cloudevents-batch+json": components["schemas"]["CloudEvent"][];
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        accepted: number;
                        rejected: number;
                        unconfirmed: number;
                        outcomes: components["schemas"]["SendOutcome"][];
                    };
                };
            };
        };
    };
    getPulse: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PulseRow"];
                };
            };
        };
    };
    listDeadLetters: {
        parameters: {
            query?: {
                reason?: "malformed_json" | "not_an_object" | "empty_array" | "array_too_long" | "body_too_large" | "invalid_tenant" | "invalid_product_sku" | "invalid_use_unity" | "invalid_used_amount" | "amount_not_positive" | "amount_out_of_range" | "amount_too_precise" | "invalid_id" | "invalid_timestamp" | "timestamp_too_old" | "timestamp_in_future" | "sum_overflow" | "no_subscription" | "delivery_limit" | "unknown" | "message_impossible" | "attempts_exhausted";
                tenant?: string;
                queue?: string;
                pulse_id?: string;
                message_id?: string;
                from?: string;
                to?: string;
                state?: "quarantined" | "replayed" | "discarded";
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["DeadLetterRow"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    getDeadLetter: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeadLetter"];
                };
            };
        };
    };
    fixDeadLetter: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    content: string;
                    /** @enum {unknown} */
                    encoding?: "utf8" | "base64";
                    note?: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeadLetterRow"];
                };
            };
        };
    };
    replayDeadLetter: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @default false */
                    even_if_forgotten?: boolean;
                } | null;
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {unknown} */
                        outcome: "replayed" | "overtaken";
                        dead_letter: components["schemas"]["DeadLetterRow"];
                    };
                };
            };
        };
    };
    replayDeadLetters: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @enum {unknown} */
                    reason?: "malformed_json" | "not_an_object" | "empty_array" | "array_too_long" | "body_too_large" | "invalid_tenant" | "invalid_product_sku" | "invalid_use_unity" | "invalid_used_amount" | "amount_not_positive" | "amount_out_of_range" | "amount_too_precise" | "invalid_id" | "invalid_timestamp" | "timestamp_too_old" | "timestamp_in_future" | "sum_overflow" | "no_subscription" | "delivery_limit" | "unknown" | "message_impossible" | "attempts_exhausted";
                    tenant?: string;
                    queue?: string;
                    pulse_id?: string;
                    message_id?: string;
                    /** Format: date-time */
                    from?: string;
                    /** Format: date-time */
                    to?: string;
                    /** @default 100 */
                    limit?: number;
                    /** @default false */
                    dry_run?: boolean;
                    /** @default 100 */
                    rate_per_second?: number;
                    after?: string;
                    /** @default false */
                    even_if_forgotten?: boolean;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        matched: number;
                        by_reason: {
                            [key: string]: number;
                        };
                        first: components["schemas"]["DeadLetterRow"][];
                        dry_run: boolean;
                        replayed: number;
                        overtaken: number;
                        forgotten: number;
                        full: number;
                        unroutable: number;
                        missing: number;
                        /** @enum {unknown} */
                        end: "finished" | "limit" | "stopped" | "failed";
                        next: string | null;
                        error: string | null;
                    };
                };
            };
        };
    };
    discardDeadLetter: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    note: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeadLetterRow"];
                };
            };
        };
    };
    discardDeadLetters: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @enum {unknown} */
                    reason?: "malformed_json" | "not_an_object" | "empty_array" | "array_too_long" | "body_too_large" | "invalid_tenant" | "invalid_product_sku" | "invalid_use_unity" | "invalid_used_amount" | "amount_not_positive" | "amount_out_of_range" | "amount_too_precise" | "invalid_id" | "invalid_timestamp" | "timestamp_too_old" | "timestamp_in_future" | "sum_overflow" | "no_subscription" | "delivery_limit" | "unknown" | "message_impossible" | "attempts_exhausted";
                    tenant?: string;
                    queue?: string;
                    pulse_id?: string;
                    message_id?: string;
                    /** Format: date-time */
                    from?: string;
                    /** Format: date-time */
                    to?: string;
                    /** @default 100 */
                    limit?: number;
                    /** @default false */
                    dry_run?: boolean;
                    note: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        matched: number;
                        by_reason: {
                            [key: string]: number;
                        };
                        first: components["schemas"]["DeadLetterRow"][];
                        dry_run: boolean;
                        discarded: number;
                    };
                };
            };
        };
    };
    getCustomer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Customer"];
                };
            };
        };
    };
    putCustomer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    name: string;
                    /** Format: email */
                    email?: string;
                    tenant?: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Customer"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Customer"];
                };
            };
        };
    };
    listCustomers: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Customer"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    getProduct: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                sku: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Product"];
                };
            };
        };
    };
    putProduct: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                sku: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    name: string;
                    unit: string;
                    /** @default true */
                    active?: boolean;
                    /** @default false */
                    recurring?: boolean;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Product"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Product"];
                };
            };
        };
    };
    listProducts: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Product"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    listPrices: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path: {
                sku: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Price"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    addPrice: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                sku: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    currency: string;
                    unit_amount: string;
                    /** Format: date-time */
                    valid_from: string;
                    tiers?: {
                        /** @enum {unknown} */
                        mode: "graduated" | "volume";
                        steps: {
                            up_to: number | null;
                            unit_amount: string;
                        }[];
                    };
                };
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Price"];
                };
            };
        };
    };
    listUnits: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Unit"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    putUnit: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                unit: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    dimension: string;
                    factor: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unit"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unit"];
                };
            };
        };
    };
    listOrders: {
        parameters: {
            query?: {
                customer_id?: string;
                status?: "pending" | "processing" | "completed" | "failed";
                from?: string;
                to?: string;
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["OrderHead"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    createOrder: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    customer_id: string;
                    items: {
                        sku: string;
                        qty: number;
                    }[];
                    currency?: string;
                };
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AcceptedOrder"];
                };
            };
        };
    };
    getOrder: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Order"];
                };
            };
        };
    };
    listSubscriptions: {
        parameters: {
            query?: {
                user_id?: string;
                tenant?: string;
                status?: "pending" | "active" | "canceled";
                sku?: string;
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Subscription"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    purchaseSubscription: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    user_id: string | number;
                    sku?: string;
                    /** Format: uuid */
                    order_id?: string;
                    /** Format: date-time */
                    effective_at?: string;
                };
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Subscription"];
                };
            };
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LateChange"];
                };
            };
        };
    };
    changeSubscription: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @enum {boolean} */
                    canceled?: true;
                    /** @enum {boolean} */
                    restarted?: true;
                    /** Format: date-time */
                    effective_at?: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Subscription"];
                };
            };
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LateChange"];
                };
            };
        };
    };
    withdrawSubscriptionChange: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                number: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Subscription"];
                };
            };
        };
    };
    getSubscription: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Subscription"];
                };
            };
        };
    };
    listSubscriptionChanges: {
        parameters: {
            query?: {
                limit?: number;
                after?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["SubscriptionChange"][];
                        next: number | null;
                    };
                };
            };
        };
    };
    listUnsubscribedUsage: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["UnsubscribedUsage"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    getProducer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Producer"];
                };
            };
        };
    };
    putProducer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    name?: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Producer"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Producer"];
                };
            };
        };
    };
    listProducers: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Producer"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    getEventType: {
        parameters: {
            query?: {
                version?: number;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventType"];
                };
            };
        };
    };
    putEventType: {
        parameters: {
            query?: {
                force?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    schema: {
                        [key: string]: unknown;
                    };
                    description?: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventType"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventType"];
                };
            };
        };
    };
    listEventTypes: {
        parameters: {
            query?: {
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["EventType"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    listEventTypeVersions: {
        parameters: {
            query?: {
                limit?: number;
                after?: number;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["EventType"][];
                        next: number | null;
                    };
                };
            };
        };
    };
    listMessages: {
        parameters: {
            query?: {
                client?: string;
                producer?: string;
                type?: string;
                from?: string;
                to?: string;
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Message"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    getMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                producer: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
        };
    };
    getEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Endpoint"];
                };
            };
        };
    };
    putEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    client: string;
                    url: string;
                    types?: string[];
                    filter?: {
                        [key: string]: string | number | boolean | null;
                    };
                    description?: string;
                    /** @default false */
                    fifo?: boolean;
                    rate_per_second?: number;
                    /** @enum {unknown} */
                    status?: "enabled" | "disabled";
                    secret?: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Endpoint"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointWithSecret"];
                };
            };
        };
    };
    deleteEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listEndpoints: {
        parameters: {
            query?: {
                client?: string;
                status?: "enabled" | "disabled";
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Endpoint"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    rotateEndpointSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    secret?: string;
                    /** @default 24 */
                    overlap_hours?: number;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointWithSecret"];
                };
            };
        };
    };
    testEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointTest"];
                };
            };
        };
    };
    recoverEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** Format: date-time */
                    since: string;
                    /** @default false */
                    dry_run?: boolean;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointRecovery"];
                };
            };
        };
    };
    listDeliveries: {
        parameters: {
            query?: {
                client?: string;
                endpoint?: string;
                status?: "pending" | "delivered" | "failed";
                from?: string;
                to?: string;
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Delivery"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    getDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Delivery"];
                };
            };
        };
    };
    listDeliveryAttempts: {
        parameters: {
            query?: {
                limit?: number;
                after?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["DeliveryAttempt"][];
                        next: number | null;
                    };
                };
            };
        };
    };
    resendDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    endpoint?: string;
                };
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Delivery"];
                };
            };
        };
    };
    listWorkflows: {
        parameters: {
            query?: {
                status?: "inserted" | "consumed";
                step?: string;
                from?: string;
                to?: string;
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Workflow"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    insertWorkflow: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    data: unknown;
                    steps: string[];
                    client?: string;
                };
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workflow"];
                };
            };
        };
    };
    getWorkflow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                uuid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workflow"];
                };
            };
        };
    };
    changeWorkflow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                uuid: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @enum {unknown} */
                    status: "inserted" | "consumed";
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workflow"];
                };
            };
        };
    };
    consumeWorkflow: {
        parameters: {
            query?: {
                spreadsheet?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    getWorkflowCsv: {
        parameters: {
            query?: {
                spreadsheet?: "true" | "false";
            };
            header?: never;
            path: {
                uuid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
        };
    };
    listExports: {
        parameters: {
            query?: {
                state?: "queued" | "running" | "ready" | "failed" | "canceled" | "expired";
                report?: string;
                limit?: number;
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Export"][];
                        next: string | null;
                    };
                };
            };
        };
    };
    createExport: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @enum {unknown} */
                    report: "usage" | "pulses" | "orders" | "subscriptions" | "messages" | "dead-letters";
                    parameters?: Record<string, never>;
                    /** @enum {unknown} */
                    format?: "csv" | "ndjson";
                    gzip?: boolean;
                    spreadsheet?: boolean;
                    /** Format: date-time */
                    as_of?: string;
                };
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Export"];
                };
            };
        };
    };
    getExport: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Export"];
                };
            };
        };
    };
    deleteExport: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Export"];
                };
            };
        };
    };
    getExportFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                    "application/x-ndjson": string;
                    "application/gzip": string;
                };
            };
        };
    };
    downloadExport: {
        parameters: {
            query: {
                fence: number;
                expires: number;
                signature: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                    "application/x-ndjson": string;
                    "application/gzip": string;
                };
            };
        };
    };
    getExportManifest: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Manifest"];
                };
            };
        };
    };
    startPopulate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    total_messages: number;
                    workers_number: number;
                    buffer_size: number;
                    /** @default 1 */
                    pulses_per_message?: number;
                };
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PopulateRun"];
                };
            };
        };
    };
    getPopulate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PopulateRun"];
                };
            };
        };
    };
    getStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Status"];
                };
            };
        };
    };
    getStatusHistory: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StatusHistory"];
                };
            };
        };
    };
    streamStatus: {
        parameters: {
            query?: {
                events?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
        };
    };
    pauseIngest: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    paused: boolean;
                    note?: string;
                };
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ingest"];
                };
            };
        };
    };
    getDoctor: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Examination"];
                };
            };
        };
    };
    sendEvents: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SentEvent"] | components["schemas"]["SentEvent"][];
                "application/x-ndjson": string;
                "application/cloudevents+json": components["schemas"]["SentCloudEvent"];
                "application/cloudevents-batch+json": components["schemas"]["SentCloudEvent"][];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        stored: number;
                        duplicate: number;
                        rejected: number;
                        outcomes: components["schemas"]["SentEventOutcome"][];
                    };
                };
            };
        };
    };
}
