/// A change to the file system that is about to happen, for tests that stop a writer between any two of them.
public struct FileStep: Sendable {
    /// What is about to happen.
    public enum Action: String, Sendable {
        case create, write, flush, truncate, rename, link, remove, flushFolder
    }

    /// What is about to happen.
    public let action: Action
    /// The file or folder it happens to.
    public let path: String

    /// Called before every step made in the current task; by default nobody is. A test copies the folder here to get
    /// exactly the state a process killed at this moment leaves behind.
    ///
    ///     FileStep.$observer.withValue(FileStep.Observer { step in … }) { … }
    @TaskLocal public static var observer: Observer?

    /// Whoever wants to know of every step.
    ///
    /// A class, because binding a task-local function crashes in optimised builds of Swift 6.3.
    public final class Observer: Sendable {
        fileprivate let body: @Sendable (FileStep) -> Void

        /// Calls `body` on the thread that is about to make the step.
        public init(_ body: @Sendable @escaping (FileStep) -> Void) { self.body = body }
    }

    static func announce(_ action: Action, _ path: String) {
        observer?.body(FileStep(action: action, path: path))
    }
}
