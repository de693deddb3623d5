namespace Apim
{
    public interface ISubscriptionKeyParameterNames
    {
        string Header { get; }
        string Query { get; }
    }

    public class SubscriptionKeyParameterNames : ISubscriptionKeyParameterNames
    {
        public string Header { get; set; }
        public string Query { get; set; }
    }
}
