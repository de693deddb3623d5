using System.Collections.Generic;

namespace Apim
{
    public interface IApi
    {
        string Id { get; }
        string Name { get; }
        string Path { get; }
        IEnumerable<string> Protocols { get; }
        IUrl ServiceUrl { get; }
        ISubscriptionKeyParameterNames SubscriptionKeyParameterNames { get; }
    }

    /// <summary>The API of a request; the APIs of a product show neither revision nor version.</summary>
    public interface IContextApi : IApi
    {
        bool IsCurrentRevision { get; }
        string Revision { get; }
        string Version { get; }
        string Workspace { get; }
    }

    public class Api : IContextApi
    {
        public string Id { get; set; }
        public bool IsCurrentRevision { get; set; }
        public string Name { get; set; }
        public string Path { get; set; }
        public IEnumerable<string> Protocols { get; set; }
        public string Revision { get; set; }
        public IUrl ServiceUrl { get; set; }
        public ISubscriptionKeyParameterNames SubscriptionKeyParameterNames { get; set; }
        public string Version { get; set; }
        public string Workspace { get; set; }
    }
}
