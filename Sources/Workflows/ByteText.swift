/// Byte counts for people.
public enum ByteText {
    /// Such as `512 B`, `12.3 kB`, `4.5 GB`; powers of 1000.
    public static func text(_ byteCount: Int) -> String {
        guard byteCount >= 1000 else { return "\(byteCount) B" }
        var value = Double(byteCount) / 1000
        var unit = 0
        let units = ["kB", "MB", "GB", "TB"]
        while value >= 999.95, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return "\((value * 10).rounded() / 10) \(units[unit])"
    }
}
