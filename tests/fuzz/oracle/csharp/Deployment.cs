using System.Collections.Generic;
using System.Security.Cryptography.X509Certificates;

namespace Apim
{
    public interface IDeployment
    {
        IReadOnlyDictionary<string, X509Certificate2> Certificates { get; }
        IGateway Gateway { get; }
        string GatewayId { get; }
        string Region { get; }
        string ServiceId { get; }
        string ServiceName { get; }
    }

    public class Deployment : IDeployment
    {
        public IReadOnlyDictionary<string, X509Certificate2> Certificates { get; set; }
        public IGateway Gateway { get; set; }
        public string GatewayId { get; set; }
        public string Region { get; set; }
        public string ServiceId { get; set; }
        public string ServiceName { get; set; }
    }
}
