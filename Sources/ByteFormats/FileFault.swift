import Glibc

/// A system call on a file that is about to be made, for tests that let it fail.
///
///     let injector = FileFault.Injector { call in call.kind == .write ? .fail(ENOSPC) : .proceed }
///     try FileFault.$injector.withValue(injector) { … }
public struct FileFault: Sendable {
    /// Which call.
    public enum Kind: String, Sendable, CaseIterable {
        case open, read, write, flush, truncate, rename, link, remove, makeFolder, list, map
    }

    /// What becomes of a call.
    public enum Outcome: Sendable, Equatable {
        /// It is made.
        case proceed
        /// It is not made, and fails with this error number.
        case fail(Int32)
        /// A read or write moves one byte only, as the system may; other calls proceed.
        case partial
    }

    /// Which call.
    public let kind: Kind
    /// The file or folder.
    public let path: String

    /// Asked before every call made in the current task; by default nobody is.
    @TaskLocal public static var injector: Injector?

    /// Whoever decides what becomes of calls.
    ///
    /// A class, because binding a task-local function crashes in optimised builds of Swift 6.3.
    public final class Injector: Sendable {
        fileprivate let body: @Sendable (FileFault) -> Outcome

        /// Calls `body` on the thread that is about to make the call.
        public init(_ body: @Sendable @escaping (FileFault) -> Outcome) { self.body = body }
    }

    /// Whether a call must not be made: then `errno` is set.
    static func prevents(_ kind: Kind, _ path: String) -> Bool {
        guard case .fail(let number)? = injector?.body(FileFault(kind: kind, path: path)) else { return false }
        errno = number
        return true
    }

    /// How many of `byteCount` bytes a call may move; `nil`, with `errno` set, if it must not be made.
    static func allowedByteCount(_ kind: Kind, _ path: String, _ byteCount: Int) -> Int? {
        switch injector?.body(FileFault(kind: kind, path: path)) {
        case nil, .proceed: return byteCount
        case .partial: return min(1, byteCount)
        case .fail(let number):
            errno = number
            return nil
        }
    }
}
