import Glibc
import Synchronization

/// Shows how far a stage is: a line that renews itself on a terminal, plain lines every few seconds otherwise.
///
///     let progress = ProgressReporter(title: "embed", unit: "images", totalCount: 200_000, style: .automatic(isQuiet: false))
///     progress.update(completedCount: 12_000)
///     progress.finish()
///
/// Safe to call from any thread; calls are serialised by a lock and only format text when a line is due.
public final class ProgressReporter: Sendable {
    /// How progress is shown.
    public enum Style: Sendable, Equatable {
        /// One line, renewed with a carriage return, cut to the columns.
        case terminal(columnCount: Int, usesColor: Bool)
        /// A line every five seconds.
        case plain
        /// Nothing but `message` with `isError`.
        case quiet

        /// The style for this process: quiet if asked, a terminal line if stderr is one, colour unless NO_COLOR is set.
        public static func automatic(isQuiet: Bool) -> Style {
            if isQuiet { return .quiet }
            guard StandardError.isTerminal else { return .plain }
            return .terminal(columnCount: StandardError.columnCount, usesColor: !Self.isColorRefused)
        }

        private static var isColorRefused: Bool {
            // The environment is not changed by this process; the pointer is only looked at here.
            guard let value = unsafe getenv("NO_COLOR") else { return false }
            return unsafe value.pointee != 0
        }
    }

    private struct State {
        var totalCount: Int?
        var completedCount = 0
        var detail = ""
        var rate = RateEstimator()
        var startSeconds: Double
        var startCount: Int?
        var lastLineSeconds: Double?
        var isLineOpen = false
        var isFinished = false
    }

    private static let terminalIntervalSeconds = 0.1
    private static let plainIntervalSeconds = 5.0

    private let title: String
    private let unit: String
    private let style: Style
    private let nowSeconds: @Sendable () -> Double
    private let write: @Sendable (String) -> Void
    private let state: Mutex<State>

    /// Starts reporting.
    ///
    /// - Parameters:
    ///   - title: what is going on, in a word or two.
    ///   - unit: what is counted, in the plural.
    ///   - totalCount: how many there will be, if known.
    ///   - nowSeconds: the clock; seconds since any fixed moment.
    ///   - write: where text goes; stderr unless given.
    public init(
        title: String, unit: String, totalCount: Int? = nil, style: Style,
        nowSeconds: @escaping @Sendable () -> Double = ProgressReporter.monotonicSeconds,
        write: @escaping @Sendable (String) -> Void = StandardError.write
    ) {
        self.title = title
        self.unit = unit
        self.style = style
        self.nowSeconds = nowSeconds
        self.write = write
        state = Mutex(State(totalCount: totalCount, startSeconds: nowSeconds()))
    }

    /// Seconds of the system's monotonic clock.
    public static let monotonicSeconds: @Sendable () -> Double = {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Notes how many are done; shows it when a line is due.
    ///
    /// - Parameter detail: more to show, such as a loss; the last one stays until it is replaced.
    public func update(completedCount: Int, totalCount: Int? = nil, detail: String? = nil) {
        let now = nowSeconds()
        let text = state.withLock { state -> String? in
            guard !state.isFinished else { return nil }
            state.completedCount = completedCount
            if state.startCount == nil { state.startCount = completedCount }
            if let totalCount { state.totalCount = totalCount }
            if let detail { state.detail = detail }
            state.rate.observe(completedCount: Double(completedCount), atSeconds: now)
            switch style {
            case .quiet:
                return nil
            case .terminal(let columnCount, let usesColor):
                if let last = state.lastLineSeconds, now - last < Self.terminalIntervalSeconds { return nil }
                state.lastLineSeconds = now
                state.isLineOpen = true
                return renewed(line(state), columnCount: columnCount, usesColor: usesColor)
            case .plain:
                // The first line waits too: a stage that ends within the interval needs its summary only.
                guard now - (state.lastLineSeconds ?? state.startSeconds) >= Self.plainIntervalSeconds else {
                    return nil
                }
                state.lastLineSeconds = now
                return line(state) + "\n"
            }
        }
        if let text { write(text) }
    }

    /// Writes a line of its own, without tearing the progress line; errors are written even when quiet.
    public func message(_ text: String, isError: Bool = false) {
        if style == .quiet, !isError { return }
        let prefix = state.withLock { state in
            defer { state.isLineOpen = false }
            return state.isLineOpen ? "\r\u{1B}[K" : ""
        }
        write(prefix + text + "\n")
    }

    /// Ends with one summary line (count, time, mean rate); later updates are ignored.
    public func finish() {
        let now = nowSeconds()
        let text = state.withLock { state -> String? in
            guard !state.isFinished else { return nil }
            state.isFinished = true
            if style == .quiet { return nil }
            let seconds = max(0, now - state.startSeconds)
            var text = "\(title): \(Self.grouped(state.completedCount)) \(unit) in \(Self.duration(seconds))"
            let done = state.completedCount - (state.startCount ?? 0)
            if seconds >= 0.05, done > 0 { text += ", \(Self.rate(Double(done) / seconds))/s" }
            if !state.detail.isEmpty { text += ", \(state.detail)" }
            return (state.isLineOpen ? "\r\u{1B}[K" : "") + text + "\n"
        }
        if let text { write(text) }
    }

    private func line(_ state: State) -> String {
        var text = "\(title): \(Self.grouped(state.completedCount))"
        if let total = state.totalCount {
            text += " of \(Self.grouped(total)) \(unit)"
            if total > 0 { text += " (\(Int(100 * Double(state.completedCount) / Double(total))) %)" }
        } else {
            text += " \(unit)"
        }
        if let rate = state.rate.itemsPerSecond { text += ", \(Self.rate(rate))/s" }
        if let total = state.totalCount, let left = state.rate.secondsLeft(totalCount: Double(total)) {
            text += ", \(Self.duration(left)) left"
        }
        if !state.detail.isEmpty { text += ", \(state.detail)" }
        return text
    }

    private func renewed(_ line: String, columnCount: Int, usesColor: Bool) -> String {
        let shown = String(line.prefix(max(1, columnCount - 1)))
        guard usesColor, shown.hasPrefix(title) else { return "\r\u{1B}[K" + shown }
        return "\r\u{1B}[K\u{1B}[1m" + title + "\u{1B}[0m" + shown.dropFirst(title.count)
    }
}

extension ProgressReporter {
    /// A count with commas between thousands.
    public static func grouped(_ count: Int) -> String {
        var digits = String(count.magnitude)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (count < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
    }

    /// A duration as people write it: `0.4 s`, `42 s`, `3 min 05 s`, `2 h 07 min`.
    public static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "a long time" }
        if seconds < 9.95 { return "\(decimal(seconds)) s" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(padded(whole % 60)) s" }
        return "\(whole / 3600) h \(padded(whole % 3600 / 60)) min"
    }

    /// A rate with three digits or so.
    public static func rate(_ perSecond: Double) -> String {
        guard perSecond.isFinite, perSecond < 1e15 else { return "?" }
        return perSecond < 99.95 ? decimal(perSecond) : grouped(Int(perSecond.rounded()))
    }

    private static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func padded(_ value: Int) -> String {
        value < 10 ? "0\(value)" : "\(value)"
    }
}
