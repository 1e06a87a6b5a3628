import Synchronization

/// A value that closures on any thread may change.
public final class Locked<Value: Sendable>: Sendable {
    private let storage: Mutex<Value>

    /// Holds a value.
    public init(_ value: Value) { storage = Mutex(value) }

    /// The value now.
    public var value: Value { storage.withLock { $0 } }

    /// Changes the value.
    public func update(_ body: (inout Value) -> Void) {
        storage.withLock { value in body(&value) }
    }
}
