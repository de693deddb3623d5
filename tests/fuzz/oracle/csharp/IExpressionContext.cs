using System;
using System.Collections.Generic;

namespace Apim
{
    /// <summary>What an expression sees as <c>context</c>, by Microsoft's reference of policy expressions.</summary>
    public interface IExpressionContext
    {
        IContextApi Api { get; }
        IDeployment Deployment { get; }
        TimeSpan Elapsed { get; }
        object GraphQL { get; }
        ILastError LastError { get; }
        IOperation Operation { get; }
        IProduct Product { get; }
        IRequest Request { get; }
        Guid RequestId { get; }
        IResponse Response { get; }
        ISubscription Subscription { get; }
        DateTime Timestamp { get; }
        bool Tracing { get; }
        IUser User { get; }
        IReadOnlyDictionary<string, object> Variables { get; }

        void Trace(string message);
    }
}
