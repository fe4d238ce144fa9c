"""Plans, reports and findings as text, JSON, Markdown, HTML, annotations and JUnit. Pure: values in, strings out."""
