using System.Collections.Generic;

namespace Apim
{
    /// <summary>What the policy get-authorization-context leaves in a variable.</summary>
    public class Authorization
    {
        public string AccessToken { get; set; }
        public IReadOnlyDictionary<string, object> Claims { get; set; }
    }
}
