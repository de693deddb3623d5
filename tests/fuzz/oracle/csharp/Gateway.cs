namespace Apim
{
    public interface IGateway
    {
        string Id { get; }
        string InstanceId { get; }
        bool IsManaged { get; }
    }

    public class Gateway : IGateway
    {
        public string Id { get; set; }
        public string InstanceId { get; set; }
        public bool IsManaged { get; set; }
    }
}
