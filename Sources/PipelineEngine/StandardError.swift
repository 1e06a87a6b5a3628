import Glibc

/// Unbuffered writing to the standard error stream.
public enum StandardError {
    /// Writes the whole text, in one system call when the stream takes it; a closed stream is ignored, since there is
    /// nobody left to tell.
    public static func write(_ text: String) {
        var remaining = Array(text.utf8)[...]
        while !remaining.isEmpty {
            // The pointer is used within the call only.
            let written = unsafe remaining.withUnsafeBytes {
                unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count)
            }
            if written < 0 {
                guard errno == EINTR || errno == EAGAIN else { return }
            } else {
                remaining = remaining.dropFirst(written)
            }
        }
    }

    /// Whether the stream is a terminal.
    public static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// The columns of the terminal; 80 when they are not known.
    public static var columnCount: Int {
        var size = winsize()
        let status = unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size)
        return status == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}
