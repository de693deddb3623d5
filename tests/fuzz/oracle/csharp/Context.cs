using System;
using System.Collections.Generic;

namespace Apim
{
    /// <summary>A context whose members are set, and that keeps what is traced.</summary>
    public class Context : IExpressionContext
    {
        public Dictionary<string, object> Values { get; } = new Dictionary<string, object>();
        public List<string> Traces { get; } = new List<string>();

        public IContextApi Api { get; set; }
        public IDeployment Deployment { get; set; }
        public TimeSpan Elapsed { get; set; }
        public object GraphQL { get; set; }
        public ILastError LastError { get; set; }
        public IOperation Operation { get; set; }
        public IProduct Product { get; set; }
        public IRequest Request { get; set; }
        public Guid RequestId { get; set; }
        public IResponse Response { get; set; }
        public ISubscription Subscription { get; set; }
        public DateTime Timestamp { get; set; }
        public bool Tracing { get; set; }
        public IUser User { get; set; }
        public IReadOnlyDictionary<string, object> Variables => Values;

        public void Trace(string message) => Traces.Add(message);
    }
}
