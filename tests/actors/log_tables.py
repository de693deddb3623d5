"""Tables of Log Analytics that the queries use: columns and types as Azure documents them (July 2026).

https://learn.microsoft.com/azure/azure-monitor/reference/tables-index, one page for each table. Columns that every table has
and nobody asks for (TenantId, SourceSystem, billing) are left out.
"""

_APPLICATION = """
    TimeGenerated:datetime, AppRoleInstance:string, AppRoleName:string, AppVersion:string, ClientBrowser:string,
    ClientCity:string, ClientCountryOrRegion:string, ClientIP:string, ClientModel:string, ClientOS:string,
    ClientStateOrProvince:string, ClientType:string, ItemCount:int, Measurements:dynamic, Message:string, OperationId:string,
    OperationName:string, ParentId:string, Properties:dynamic, SDKVersion:string, SessionId:string, SeverityLevel:int,
    SyntheticSource:string, UserAccountId:string, UserAuthenticatedId:string, UserId:string
"""

TABLES = {
    "AppTraces": _APPLICATION + ", ReferencedItemId:string, ReferencedType:string",
    "AppExceptions": _APPLICATION + """,
        Assembly:string, Details:dynamic, ExceptionType:string, HandledAt:string, InnermostAssembly:string,
        InnermostMessage:string, InnermostMethod:string, InnermostType:string, Method:string, OuterAssembly:string,
        OuterMessage:string, OuterMethod:string, OuterType:string, ProblemId:string
    """,
    "ApiManagementGatewayLogs": """
        TimeGenerated:datetime, ApiId:string, ApimSubscriptionId:string, ApiRevision:string, BackendId:string,
        BackendMethod:string, BackendProtocol:string, BackendRequestBody:string, BackendRequestHeaders:dynamic,
        BackendResponseBody:string, BackendResponseCode:int, BackendResponseHeaders:dynamic, BackendTime:long,
        BackendUrl:string, Cache:string, CacheTime:long, CallerIpAddress:string, Category:string, ClientProtocol:string,
        ClientTime:long, ClientTlsVersion:string, CorrelationId:string, Errors:dynamic, IsRequestSuccess:bool,
        LastErrorElapsed:long, LastErrorMessage:string, LastErrorReason:string, LastErrorScope:string,
        LastErrorSection:string, LastErrorSource:string, Method:string, OperationId:string, OperationName:string,
        ProductId:string, Region:string, RequestBody:string, RequestHeaders:dynamic, RequestSize:int, ResponseBody:string,
        ResponseCode:int, ResponseHeaders:dynamic, ResponseSize:int, TotalTime:long, TraceRecords:dynamic, Url:string,
        UserId:string
    """,
    "CDBDataPlaneRequests": """
        TimeGenerated:datetime, AadAppliedRoleAssignmentId:string, AadPrincipalId:string, AccountName:string,
        ActivityId:string, AuthTokenType:string, ClientIpAddress:string, CollectionName:string, ConnectionMode:string,
        DatabaseName:string, DurationMs:real, OperationName:string, PartitionId:string, RegionName:string,
        RequestCharge:real, RequestLength:real, RequestResourceId:string, RequestResourceType:string, StatusCode:int
    """,
    "Usage": """
        TimeGenerated:datetime, AvgLatencyInSeconds:real, BatchesCapped:long, Computer:string, DataType:string,
        EndTime:datetime, IsBillable:bool, Quantity:real, QuantityUnit:string, ResourceUri:string, Solution:string,
        StartTime:datetime
    """,
}  # fmt: skip

# Columns that say who somebody is or what somebody sent, beyond the object id of the audit events.
PERSONAL = {
    "ClientIP", "ClientCity", "CallerIpAddress", "ClientIpAddress", "Url", "BackendUrl", "RequestBody", "ResponseBody",
    "BackendRequestBody", "BackendResponseBody", "RequestHeaders", "ResponseHeaders", "BackendRequestHeaders",
    "BackendResponseHeaders", "UserId", "UserAccountId", "UserAuthenticatedId", "Message", "OuterMessage",
    "InnermostMessage", "Details", "LastErrorMessage", "RequestResourceId",
}  # fmt: skip
