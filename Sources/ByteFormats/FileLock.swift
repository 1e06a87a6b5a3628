import Glibc

/// An exclusive lock on a file (`flock`), held until the value goes away or the process ends, however it ends.
public struct FileLock: ~Copyable, Sendable {
    private let descriptor: FileDescriptor

    /// Takes the lock, making the file if it is missing; waits a tenth of a second at most.
    ///
    /// - Parameters:
    ///   - path: The lock file. It stays when the lock is released.
    ///   - purpose: What is locked, for the message: "the index".
    /// - Throws: Code `busy` if another process holds it.
    public init(path: String, purpose: String) throws(ByteFormatError) {
        let opened = try FileDescriptor(opening: path, flags: O_RDWR | O_CREAT)
        try FileLock.take(opened.number, path: path, purpose: purpose)
        descriptor = opened
    }

    static func take(_ number: Int32, path: String, purpose: String = "this file") throws(ByteFormatError) {
        var attempt = 0
        while flock(number, LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            // A process that this one starts holds our descriptors, and with them a lock just given back, until it runs
            // its own program: a moment later that is over.
            if errno == EWOULDBLOCK, attempt < 20 {
                attempt += 1
                usleep(5000)
                continue
            }
            if errno == EWOULDBLOCK {
                throw ByteFormatError(
                    .busy, "another process is writing \(purpose); wait for it to end and run again", path: path,
                    systemErrorNumber: EWOULDBLOCK)
            }
            throw FileDescriptor.systemError("cannot lock", path: path)
        }
    }
}
