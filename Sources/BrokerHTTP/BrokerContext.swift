public import Hummingbird
import NIOCore

/// What a request carries through its handlers.
public struct BrokerContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// The connection that it came in on: the admin socket asks it who is at the other end.
    let channel: any Channel

    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}
