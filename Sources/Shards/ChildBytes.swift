import Glibc
import Synchronization

/// The standard output of a program, read as it comes.
///
/// The program gets a process group of its own, an empty standard input, and no shell unless it is one. It is ended with
/// all its children when this object is released. Nothing for `stallSeconds` is a failure, and so is an exit status other
/// than 0 at the end of the output; what it said last on standard error is part of the message.
@safe
final class ChildBytes: ForwardBytes {
    private let process: pid_t
    private let output: Int32
    private let errors: Int32
    private let address: String
    private let stallSeconds: Int
    private var errorTail: [UInt8] = []
    private var hasEnded = false
    private var isReaped = false

    /// Bytes of standard error that are kept.
    static let maximumErrorByteCount = 2048

    /// Starts `arguments[0]`, looked for in `PATH`. Throws `streamFailed`; the message of a missing program is the caller's
    /// `missingMessage`.
    init(
        arguments: [String], address: String, stallSeconds: Int, missingMessage: String
    ) throws(ShardError) {
        self.address = address
        self.stallSeconds = stallSeconds
        let started = try ChildBytes.start(arguments, address: address)
        output = started.output
        errors = started.errors
        process = started.process
        let status = started.status
        guard status == 0 else {
            _ = close(output)
            _ = close(errors)
            throw ShardError(
                .streamFailed, status == ENOENT ? missingMessage : "The program cannot be started.", path: address,
                cause: systemErrorText(status))
        }
        _ = fcntl(output, F_SETFL, O_NONBLOCK)
        _ = fcntl(errors, F_SETFL, O_NONBLOCK)
    }

    deinit {
        _ = close(output)
        _ = close(errors)
        if !isReaped {
            _ = kill(-process, SIGKILL)
            var status: Int32 = 0
            while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        }
    }

    private struct Started {
        var process: pid_t = 0
        var output: Int32
        var errors: Int32
        var status: Int32 = 0
    }

    /// Held while a pipe exists that the next program started must not inherit: it would keep the pipe from ending.
    private static let starting = Mutex(())

    private static func start(_ arguments: [String], address: String) throws(ShardError) -> Started {
        let result = starting.withLock { _ -> Result<Started, ShardError> in
            var ends: [Int32] = [-1, -1, -1, -1]
            let isMade = unsafe ends.withUnsafeMutableBufferPointer { ends in
                guard let first = ends.baseAddress else { return false }
                return unsafe pipe(first) == 0 && pipe(first + 2) == 0
            }
            guard isMade else {
                let cause = systemErrorText()
                for end in ends where end >= 0 { _ = close(end) }
                return .failure(ShardError(.inputOutput, "No pipe can be made.", path: address, cause: cause))
            }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            var started = Started(output: ends[0], errors: ends[2])
            started.status = spawn(arguments, output: ends[1], errors: ends[3], process: &started.process)
            _ = close(ends[1])
            _ = close(ends[3])
            return .success(started)
        }
        return try result.get()
    }

    private static func spawn(
        _ arguments: [String], output: Int32, errors: Int32, process: inout pid_t
    ) -> Int32 {
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawnattr_init(&attributes)
        defer {
            unsafe posix_spawn_file_actions_destroy(&actions)
            unsafe posix_spawnattr_destroy(&attributes)
        }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, errors, 2)
        // A group of its own, and the default for the signals that this program handles or ignores.
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGPIPE, SIGHUP] { unsafe sigaddset(&signals, number) }
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        // The copies live until posix_spawnp has returned.
        var copies = unsafe arguments.map { unsafe strdup($0) }
        unsafe copies.append(nil)
        defer { unsafe copies.forEach { unsafe free($0) } }
        guard let program = unsafe copies.first ?? nil else { return ENOMEM }
        return unsafe posix_spawnp(&process, program, &actions, &attributes, copies, environ)
    }

    func read(into buffer: inout [UInt8], range: Range<Int>) throws(ShardError) -> Int {
        precondition(range.lowerBound >= 0 && range.upperBound <= buffer.count, "read into \(range)")
        guard !hasEnded, !range.isEmpty else { return 0 }
        var areErrorsOpen = true
        while true {
            var waiting = [pollfd(fd: output, events: Int16(POLLIN), revents: 0)]
            if areErrorsOpen { waiting.append(pollfd(fd: errors, events: Int16(POLLIN), revents: 0)) }
            let ready = unsafe poll(&waiting, nfds_t(waiting.count), Int32(min(stallSeconds, 1 << 20)) * 1000)
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else {
                throw ShardError(
                    .streamStalled,
                    "Nothing came for \(stallSeconds) seconds; the same command goes on from where it was. "
                        + "--stall-limit waits longer.", path: address)
            }
            if areErrorsOpen, waiting[1].revents != 0 { areErrorsOpen = readErrors() }
            guard waiting[0].revents != 0 else { continue }
            // The pointer stays inside `buffer[range]`, which is checked above, and does not leave the closure.
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe Glibc.read(output, bytes.baseAddress?.advanced(by: range.lowerBound), range.count)
            }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count >= 0 else {
                throw ShardError(.inputOutput, "The stream cannot be read.", path: address, cause: systemErrorText())
            }
            if count == 0 { try end() }
            return count
        }
    }

    /// Reads what is there of standard error; `false` at its end.
    private func readErrors() -> Bool {
        var block = [UInt8](repeating: 0, count: 4096)
        let count = unsafe Glibc.read(errors, &block, block.count)
        if count > 0 { errorTail = (errorTail + block[..<count]).suffix(ChildBytes.maximumErrorByteCount) }
        return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
    }

    private func end() throws(ShardError) {
        hasEnded = true
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        isReaped = true
        _ = readErrors()
        guard status != 0 else { return }
        let exit = status & 0x7F == 0 ? "exit status \((status >> 8) & 0xFF)" : "signal \(status & 0x7F)"
        let said = String(decoding: errorTail, as: UTF8.self).split(separator: "\n").suffix(2).joined(separator: " ")
        throw ShardError(
            .streamFailed, "The stream ended early; the same command goes on from where it was.", path: address,
            cause: said.isEmpty ? exit : "\(exit): \(said)")
    }
}
