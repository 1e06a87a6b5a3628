import Testing
import Workflows

@Suite struct QueryExpressionTests {
    typealias Term = QueryExpression.Term

    static let accepted: [(String, [Term])] = [
        ("orange cat in the sun", [Term(weight: 1, content: .text("orange cat in the sun"))]),
        ("  spaced out  ", [Term(weight: 1, content: .text("spaced out"))]),
        ("阳光下的橙色猫", [Term(weight: 1, content: .text("阳光下的橙色猫"))]),
        ("rock + roll", [Term(weight: 1, content: .text("rock + roll"))]),
        ("3 * 4", [Term(weight: 1, content: .text("3 * 4"))]),
        ("- a list item", [Term(weight: 1, content: .text("- a list item"))]),
        ("\"cat\"", [Term(weight: 1, content: .text("cat"))]),
        ("@photo.jpg", [Term(weight: 1, content: .image(path: "photo.jpg"))]),
        ("@\"my photo.jpg\"", [Term(weight: 1, content: .image(path: "my photo.jpg"))]),
        (
            "\"cat\" + 0.5 * @sunset.jpg - \"night\"",
            [
                Term(weight: 1, content: .text("cat")), Term(weight: 0.5, content: .image(path: "sunset.jpg")),
                Term(weight: -1, content: .text("night")),
            ]
        ),
        (
            "0.5×\"a\"−2*\"b\"",
            [Term(weight: 0.5, content: .text("a")), Term(weight: -2, content: .text("b"))]
        ),
        ("-\"a\" + \"b\"", [Term(weight: -1, content: .text("a")), Term(weight: 1, content: .text("b"))]),
        ("\"say \\\"hi\\\" \\\\ there\"", [Term(weight: 1, content: .text("say \"hi\" \\ there"))]),
    ]

    @Test(arguments: accepted)
    func reads(input: String, terms: [Term]) throws {
        #expect(try QueryExpression(parsing: input).terms == terms)
    }

    @Test(arguments: [
        ("", "empty"), ("   ", "empty"), ("\"cat", "closing quote"), ("\"cat\" \"dog\"", "'+' or '-'"),
        ("\"cat\" + dog", "double quotes"), ("\"cat\" +", "double quotes"), ("@", "image path"), ("0*\"a\"", "weight"),
        ("\"\"", "between the quotes"),
    ])
    func refuses(input: String, reason: String) {
        #expect {
            try QueryExpression(parsing: input)
        } throws: { error in
            (error as? WorkflowError)?.code == .usage && "\(error)".contains(reason)
        }
    }
}
