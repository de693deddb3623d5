using System.Collections.Generic;
using System.Security.Cryptography.X509Certificates;

namespace Apim
{
    public interface IRequest
    {
        IMessageBody Body { get; }
        X509Certificate2 Certificate { get; }
        IReadOnlyDictionary<string, string[]> Headers { get; }
        string IpAddress { get; }
        IReadOnlyDictionary<string, string> MatchedParameters { get; }
        string Method { get; }
        IUrl OriginalUrl { get; }
        IPrivateEndpointConnection PrivateEndpointConnection { get; }
        IUrl Url { get; }
    }

    public class Request : IRequest
    {
        public IMessageBody Body { get; set; }
        public X509Certificate2 Certificate { get; set; }
        public IReadOnlyDictionary<string, string[]> Headers { get; set; }
        public string IpAddress { get; set; }
        public IReadOnlyDictionary<string, string> MatchedParameters { get; set; }
        public string Method { get; set; }
        public IUrl OriginalUrl { get; set; }
        public IPrivateEndpointConnection PrivateEndpointConnection { get; set; }
        public IUrl Url { get; set; }
    }
}
